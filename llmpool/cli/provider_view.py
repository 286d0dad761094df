"""Providers as `providers list` and `show` print them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import plural, words
from llmpool.core.text import few
from llmpool.core.times import span
from llmpool.registry import readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmpool.cli.context import Terminal
    from llmpool.core.provider import Provider
    from llmpool.pool import Pool
    from llmpool.setup.roster import View

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z")
LISTED = 1  # so many issues are told beside the list; `doctor` tells them all


def whole(pool: Pool, name: str) -> dict[str, Any]:
    """Describe one provider fully, how it is asked included; raises UnknownName."""
    from llmpool.cli import provider_ways
    from llmpool.setup import key_view, roster

    described, provider = roster.one(pool, name), pool.provider(name)
    return (
        described
        | {"keys": key_view.shortly(pool, name)}
        | (_accounts(pool, provider) if provider.oauth else {})
        | provider_ways.how_asked(pool, provider)
        | {"timeouts": provider_ways.limits(pool, provider)}
    )


def _accounts(pool: Pool, provider: Provider) -> dict[str, Any]:
    from llmpool.setup import account_view

    return account_view.described(pool, provider)


def lines(terminal: Terminal, shown: dict[str, Any]) -> Iterator[str]:
    """Write what is known of one provider, a line each; of a list of several things one line for each."""
    for name, value in shown.items():
        each = value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
        heading = name.removesuffix("_ms").replace("_", " ")
        for one in each if value not in (None, "", [], {}) else ():
            written = _SPECIAL.get(name, _word)(terminal, one)
            yield f"{heading:16} {written}{_unit(name)}"
            heading = ""


def _unit(name: str) -> str:
    return " ms" if name.endswith("_ms") else ""


def _word(terminal: Terminal, value: Any) -> str:
    """Write a value; a time as all times are, back from now or on from it."""
    if isinstance(value, dict):
        return words({name: _word(terminal, each) for name, each in value.items() if each is not None})
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return words(value)
    from llmpool.registry.staleness import epoch

    return terminal.until(value) if epoch(value) > terminal.pool.clock() else terminal.when(value)


def _policy(terminal: Terminal, known: dict[str, Any]) -> str:
    """Write what was decided, as `policy show` does; where nothing is, that."""
    if not known["updated_at"]:
        return "nothing decided"
    routable = {True: "chosen automatically", False: "only by name", None: ""}[known["routable"]]
    effect = "refused even by name" if known["state"] == "inactive" else routable
    reason = f" ({known['reason']})" if known["reason"] else ""
    return (
        f"{', '.join(filter(None, (known['state'], effect)))}{reason}, {terminal.when(known['updated_at'])}"
    )


def _account(_terminal: Terminal, known: dict[str, Any]) -> str:
    """Write an account on a line: who it is, how it stands, where its tokens are."""
    until, renewed = known["token_expiry"], known["refreshable"]
    stands = "connected" if known["connected"] else "refreshed when it is used" if renewed else "expired"
    told = [
        known["email"] or "",
        stands + (f" until {until}" if until and known["connected"] else ""),
        f"project {known['project_id']}" if known["project_id"] else "",
        "in the keyring" if known["store"] == "keyring" else "in secrets.json",
        "of another tool" if known["borrowed"] else "",
        known["id"],
    ]
    return ", ".join(filter(None, told))


_SPECIAL: dict[str, Callable[[Terminal, Any], str]] = {"accounts": _account, "policy": _policy}


def table(terminal: Terminal, seen: View) -> None:
    """Show the providers as a table, and below it how many there are and what is in the way."""
    from llmpool.cli import tables

    now = terminal.pool.clock()
    lines = [
        [
            row["id"],
            row["location"],
            row["state"],
            f"{row['models']}{' stale' if row['stale_since'] and row['models'] else ''}",
            row["key"] or "none",
            terminal.when(row["seen"] or ""),
            "-" if row["latency_ms"] is None else f"{row['latency_ms']} ms",
            _shortly(row, now),
        ]
        for row in seen.rows
    ]
    headings = ["id", "~~~where", "!state", ">models", "~key", "~~seen", ">~~~~latency", ""]
    with terminal.paged():
        tables.show(terminal, headings, lines)
    terminal.say(told(seen.counts))
    issues = [each for each in seen.issues if each.code != "missing_default_model"]
    for issue in issues[:LISTED]:
        terminal.say(f"{issue.message}.  run: {issue.hint}")
    if len(issues) > LISTED:
        terminal.say(f"and {len(issues) - LISTED} more.  run: llmpool doctor")


def _shortly(row: dict[str, Any], now: float) -> str:
    """Say why a provider is as it is, and for how long yet; since when, the columns before tell."""
    if row["state"] in readiness.OUT:
        return row["reason"] or ""
    if row["state"] in ("ok", "never asked"):
        resting = row["resting"]
        rests = few([each["message"] for each in resting], 1)
        return "; ".join(filter(None, (rests, _decided(row["policy"]))))
    if row["resting_until"] or not row["again_at"]:
        return str((row["reason"] if row["resting_until"] else row["last_error"]) or row["reason"] or "")
    from llmpool.registry.staleness import epoch

    left = epoch(row["again_at"]) - now
    return f"{row['last_error'] or row['reason']}, again in {span(left)}"


def _decided(policy: dict[str, Any]) -> str:
    """Say what a policy makes of a provider that takes part."""
    words = [policy["state"] if policy["state"] == "flagged" else ""]
    words += ["only by name"] if policy["routable"] is False else []
    told = ", ".join(filter(None, words))
    return f"{told}: {policy['reason']}" if told and policy["reason"] else told


def told(counts: dict[str, int]) -> str:
    """Write the line below the list: 3 local, 2 cloud; 41 models."""
    off = "".join(f", {counts[word]} {word}" for word in readiness.OUT[::-1] if counts[word])
    return f"{counts['local']} local, {counts['cloud']} cloud{off}; {plural(counts['models'], 'model')}"
