"""The filters of `models list`: what an entry says, and the router's own requirements applied to names."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.cli import requests
from llmpool.cli.options import size
from llmpool.core.config import MODES
from llmpool.core.deployment import CAPABILITIES
from llmpool.core.policy import STATES
from llmpool.core.routing import RouteRequest, RoutingRow
from llmpool.errors import Misuse
from llmpool.pool import unknown_provider
from llmpool.registry import resolve
from llmpool.router import eligible

if TYPE_CHECKING:
    from llmpool.cli.grammar import Context
    from llmpool.pool import Pool

SOURCES = ("config", "discovered")
_CHAT = 1 << CAPABILITIES.index("chat")
_WORDS = {"yes": True, "true": True, "no": False, "false": False, "unknown": None}
_DOUBT = " unknown, and others"  # how the router begins to say that it let what is known pass alone

# what the router judges, the rest an entry says itself
_REQUIRED = ("needs", "local_only", "mode", "exclude", "min_quality", "min_context", "context_size", "group")

Entry = dict[str, Any]


class Wanted(NamedTuple):
    """The filters as typed; empty and None mean not given."""

    provider: str = ""
    query: str = ""
    needs: str = ""
    supports: tuple[str, ...] = ()
    local_only: bool = False
    mode: str = ""
    exclude: tuple[str, ...] = ()
    min_quality: int = 0
    min_context: str = ""
    context_size: str = ""
    max_price: str = ""
    group: str = ""
    policy: str = ""
    source: str = ""
    routable: bool | None = None


class Kept(NamedTuple):
    """The entries that meet every filter; *notes* say what was left out for want of knowing."""

    models: list[Entry]
    notes: list[str]


def keep(pool: Pool, models: list[Entry], wanted: Wanted) -> Kept:
    """Keep the entries that meet *wanted*; raises UnknownName and Misuse for what no filter can mean.

    What is needed and not known passes only where nothing known does, as in a decision, and is marked so.
    """
    known = [str(entry["id"]) for entry in pool.table.providers]
    if wanted.provider and wanted.provider not in known:
        raise unknown_provider(wanted.provider, known)
    models = _as_told(models, wanted)
    notes: list[str] = []
    if wanted.max_price:
        models = _affordable(models, _amount(wanted.max_price), notes)
    if any(getattr(wanted, name) for name in _REQUIRED):
        models = _eligible(pool, models, wanted, notes)
    return Kept(models, notes)


def by_variables(ctx: Context) -> list[str]:
    """Return a note that names the variables which set filters of this run; none, no note."""
    command = getattr(ctx, "command", None)  # there is none where no variable was set, and the line was plain
    given = [
        f"{each.envvar}={os.environ.get(str(each.envvar), '')}"
        for each in (command.params if command else ())
        if each.name and ctx.params.get(each.name) and _told_by(ctx, each.name) == "ENVIRONMENT"
    ]
    return [f"only what {' and '.join(given)} lets through is listed"] if given else []


def _told_by(ctx: Any, name: str) -> str:
    source = ctx.get_parameter_source(name)
    return source.name if source else ""


def _as_told(models: list[Entry], wanted: Wanted) -> list[Entry]:
    """Keep what its own entry says is wanted."""
    state = requests.one_of(wanted.policy, ("", *STATES), "--policy")
    source = requests.one_of(wanted.source, ("", *SOURCES), "--source")
    text = wanted.query.strip().lower()
    able = [_supported(each) for each in wanted.supports]
    return [
        model
        for model in models
        if (not wanted.provider or model["provider"] == wanted.provider)
        and (not text or any(text in name.lower() for name in (model["id"], *model.get("aliases", ()))))
        and (not state or state == _state(model["policy"]))
        and (not source or model["source"] == source)
        and (wanted.routable is None or model["routable"] is wanted.routable)
        and all(model["capabilities"].get(name) is value for name, value in able)
    ]


def _state(policy: Entry) -> str:
    """Return the stronger of two states, of the deployment and of its provider."""
    states = policy["state"], policy["provider_state"]
    return next((state for state in ("inactive", "flagged") if state in states), "active")


def _supported(text: str) -> tuple[str, bool | None]:
    """Read `tools`, `tools=no` or `images=unknown`; raises Misuse."""
    name, _, word = text.partition("=")
    known = requests.needs(name)
    if len(known) != 1:
        raise Misuse(f"--supports {text!r} names no capability", hint="write --supports tools=no")
    return known[0], _WORDS[requests.one_of(word or "yes", tuple(_WORDS), f"--supports {name}")]


def _affordable(models: list[Entry], most: Decimal, notes: list[str]) -> list[Entry]:
    """Keep what costs at most *most*, in and out; what has no price may cost anything."""
    priced = [model for model in models if model["price"]]
    if len(priced) < len(models):
        notes.append(f"{len(models) - len(priced)} left out: price unknown")
    return [m for m in priced if max(Decimal(m["price"]["input"]), Decimal(m["price"]["output"])) <= most]


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise Misuse(f"{text!r} is no price", hint="USD per million tokens: --max-price 0.50")
    return amount


def _eligible(pool: Pool, models: list[Entry], wanted: Wanted, notes: list[str]) -> list[Entry]:
    """Keep what meets the requirements as the router judges them, but for what is so just now."""
    needs = requests.needs(wanted.needs)
    request = RouteRequest(
        needs=needs,
        local_only=wanted.local_only,
        mode=requests.one_of(wanted.mode, ("", *MODES), "--mode"),
        exclude=_excluded(pool, wanted.exclude),
        min_quality=wanted.min_quality or None,
        context_size=_least(wanted),
        group=_group(pool, wanted.group),
    )
    left = {model["id"]: model for model in models}
    rows = [_bare(row, needs) for row in pool.table.rows if row.id in left]
    facts = pool.facts().replace(keyless={}, stale={})
    verdict = eligible.check(rows, request, pool.table, facts, named=True)
    doubtful = sum(len(r.reasons) == 1 and _DOUBT in r.reasons[0] for r in verdict.rejections)
    if doubtful:
        asked = [*needs, *(["context window"] if request.context_size else [])]
        notes.append(f"{doubtful} left out: {' or '.join(asked)} unknown, and others are known to do")
    return [_marked(left[row.id], needs, sized=request.context_size > 0) for row in verdict.rows]


def _bare(row: RoutingRow, needs: tuple[str, ...]) -> RoutingRow:
    """Lift what only bars a choice; that a model does not chat counts where chat was asked for."""
    if "chat" in needs:
        return row._replace(blocked="")
    return row._replace(blocked="", yes=row.yes | _CHAT, no=row.no & ~_CHAT)


def _marked(model: Entry, needs: tuple[str, ...], *, sized: bool) -> Entry:
    """Say of an entry what was needed and is not known of it."""
    unknown = [name for name in needs if model["capabilities"][name] is None]
    unknown += ["context window"] if sized and not model["context_window"] else []
    return model | {"unknown": unknown} if unknown else model


def _excluded(pool: Pool, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is left out, as `route` reads it: providers, deployments, or patterns of them."""
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    return tuple(dict.fromkeys(ref for name in names for ref in resolve.meant(name, pool.table)))


def _least(wanted: Wanted) -> int:
    """Return the least window; `--context-size` is read as `route` reads it, where k is 1024."""
    least = window(wanted.min_context) if wanted.min_context else 0
    return max(least, size(wanted.context_size) if wanted.context_size else 0)


def window(text: str) -> int:
    """Read the least window; k is a thousand here, so that 128,000 tokens, shown as 128k, are `128k`."""
    tokens = size(text)
    unit = {"k": (1000, 1024), "m": (1000**2, 1024**2)}.get(text.strip().lower()[-1:], (1, 1))
    return tokens * unit[0] // unit[1]


def _group(pool: Pool, name: str) -> str:
    if not name:
        return ""
    from llmpool.setup import groups

    return groups.one(pool, name).name
