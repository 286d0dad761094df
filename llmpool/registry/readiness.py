"""What stands between the pool and an answer: the readiness of providers (reconcile-resolve 15).

A kind comes from what went wrong, where that is known, and from the words of the error else (ruling 11).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from llmpool.core.inventory import ProviderInventory
from llmpool.core.names import spellings
from llmpool.core.text import few

MISSING_KEY, AUTH, UNREACHABLE, OTHER = "api_key_missing", "auth", "unreachable", "other"
NAMED = 3  # providers that one issue names
SHORT = 3  # letters of a word that other words have in them
INACTIVE, DISABLED = "inactive", "disabled"
OUT = (INACTIVE, DISABLED)  # states of those that take no part, by their owner's word

_BY_KIND = {
    "no_key": MISSING_KEY,
    "auth": AUTH,
    "unusable_key": AUTH,
    "connect": UNREACHABLE,
    "timeout": UNREACHABLE,
    "broken": UNREACHABLE,
}
# In order, the first that is found decides; figures and short words only where they stand alone.
# fmt: off
_WORDS = (
    (MISSING_KEY, ("api key not configured", "failed to retrieve api key configuration")),
    (AUTH, (
        "401", "403", "unauthorized", "forbidden", "invalid api key", "incorrect api key", "authentication",
    )),
    (UNREACHABLE, (
        "connection refused", "context deadline exceeded", "timeout", "timed out", "dial tcp", "no such host",
        "server misbehaving", "tls", "eof", "connection reset", "network is unreachable",
        "network unreachable", "no route to host", "could not connect",
    )),
)
# fmt: on


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b{w}\b" if len(w) == SHORT else re.escape(w) for w in words))


def kind_of(error: str, error_kind: str = "") -> str:
    """Name the kind of an error: api_key_missing, auth, unreachable or other; empty where there is none."""
    if not error and not error_kind:
        return ""
    if error_kind:
        return _BY_KIND.get(error_kind, OTHER)
    text = error.lower()
    return next((kind for kind, words in _WORDS if _pattern(words).search(text)), OTHER)


class Standing(NamedTuple):
    """How one provider stands: *state* is pending (never asked), ready or error; *kind* is the error's.

    One that its owner lets take no part is inactive or disabled, whatever it last said.
    """

    id: str
    name: str
    state: str
    kind: str = ""
    error: str = ""


def standing(
    id: str,  # noqa: A002 - the field's own name
    name: str,
    seen: ProviderInventory | None,
    *,
    out: str = "",
    keyless: str = "",
    unreachable: str = "",
) -> Standing:
    """Judge a provider by its last observation, and by what is known since: no key, no connection.

    *out* is the state of one that takes no part; what it last said stays its error.
    """
    if out:
        error = (seen.error, seen.error_kind) if seen else ("", "")
        return Standing(id, name, out, kind_of(*error), error[0])
    if keyless:
        return Standing(id, name, "error", MISSING_KEY, keyless)
    if unreachable:
        return Standing(id, name, "error", UNREACHABLE, unreachable)
    if seen is None or not seen.attempted_at:
        return Standing(id, name, "pending")
    if seen.error:
        return Standing(id, name, "error", kind_of(seen.error, seen.error_kind), seen.error)
    return Standing(id, name, "ready")


def in_order(standings: Iterable[Standing]) -> list[Standing]:
    """Sort by name, then by id."""
    return sorted(standings, key=lambda each: (each.name, each.id))


class Issue(NamedTuple):
    """Something between the pool and an answer; *blocks* says that nothing works until it is mended."""

    code: str
    blocks: bool
    message: str
    hint: str


class Wanted(NamedTuple):
    """The default model: as the owner wrote it, and the deployments that means (several carry a name)."""

    written: str = ""
    means: tuple[str, ...] = ()


def issues(
    standings: Sequence[Standing], default: Wanted, chat_models: Collection[str], *, barred: bool = False
) -> list[Issue]:
    """List what is in the way, in the order of the spec; *chat_models* are the ids of those that chat.

    *barred* says that policy lets none of these be chosen.

    Without a default model routing still finds one, so that alone blocks nothing. Where nobody takes part
    there is nothing else to say of models.
    """
    if not standings:
        return [Issue("no_providers", True, "no provider is configured", "llmpool init")]
    found: list[Issue] = []
    if not default.written:
        hint = "llmpool config set default_model PROVIDER/MODEL"
        found.append(Issue("missing_default_model", False, "there is no default_model", hint))
    taking_part = [each for each in standings if each.state not in OUT]
    found += _of_all(taking_part) if taking_part else [_nobody(standings)]
    found += _of_default_provider(standings, default)
    if taking_part and not chat_models:
        message = "no model that can chat is known"
        found.append(Issue("no_chat_models", True, message, "llmpool refresh, or: llmpool models pull REF"))
    elif taking_part and barred:
        message = "by policy no model is chosen unless it is named"
        found.append(Issue("no_routable_models", True, message, "llmpool policy"))
    return found or _of_default_model(default, chat_models)


def _nobody(standings: Sequence[Standing]) -> Issue:
    """Say that no provider takes part, and how the first of them would again."""
    first = min(standings, key=lambda each: OUT.index(each.state))
    words = {INACTIVE: "policy clear", DISABLED: "providers enable"}
    told = few([f"{each.id} is {each.state}" for each in standings], NAMED)
    return Issue(
        "no_active_providers",
        True,
        f"no provider takes part: {told}",
        f"llmpool {words[first.state]} {first.id}",
    )


def _of_all(standings: Sequence[Standing]) -> list[Issue]:
    able = [each for each in standings if each.kind != MISSING_KEY]  # the others cannot be asked at all
    if able and all(each.state == "pending" for each in able):
        return [Issue("never_refreshed", True, "no provider was ever asked what it has", "llmpool refresh")]
    if able and all(each.kind == UNREACHABLE for each in able):
        hint = "wake one of them, then: llmpool refresh"
        return [Issue("all_unreachable", True, "no provider can be reached", hint)]
    return []


_OF_DEFAULT = {
    "missing": ("missing", "is no configured provider", "llmpool providers add {0}"),
    INACTIVE: ("inactive", "is inactive by policy", "llmpool policy clear {0}"),
    DISABLED: ("disabled", "is disabled", "llmpool providers enable {0}"),
    "pending": ("not_synced", "was never asked what it has", "llmpool refresh {0}"),
    MISSING_KEY: ("api_key_missing", "has no key", "llmpool providers show {0}"),
    AUTH: ("auth_failed", "refuses the key", "llmpool providers verify {0}"),
    UNREACHABLE: ("unreachable", "cannot be reached", "llmpool providers verify {0}"),
}


def _of_default_provider(standings: Sequence[Standing], default: Wanted) -> list[Issue]:
    """Say what is wrong with the providers of the default model, unless one of them is well."""
    owners = dict.fromkeys(ref.partition("/")[0] for ref in default.means or _explicit(default.written))
    by_id = {each.id: each for each in standings}
    faults = []
    for owner in owners:
        known = by_id.get(owner)
        state = "missing" if known is None else known.kind if known.state == "error" else known.state
        if state not in _OF_DEFAULT:
            return []
        code, fact, way_out = _OF_DEFAULT[state]
        message = f"default_model {default.written}: {owner} {fact}"
        faults.append(Issue(f"default_provider_{code}", False, message, way_out.format(owner)))
    return faults[:1]


def _explicit(written: str) -> tuple[str, ...]:
    return (written,) if "/" in written else ()


def _of_default_model(default: Wanted, chat_models: Collection[str]) -> list[Issue]:
    if not default.written or any(s in chat_models for ref in default.means for s in spellings(ref)):
        return []
    message = f"default_model {default.written} is no chat model that anybody lists"
    return [Issue("default_model_not_available", False, message, "llmpool models list shows what there is")]
