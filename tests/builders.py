"""Build routing values for pure tests: every field has a default, a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmpool.core.config import Routing
from llmpool.core.deployment import CAPABILITIES, COMPLEXITIES
from llmpool.core.routing import DECLARED, LAST_RESORT, LOADED, LOCAL, Facts, Rest, RoutingRow, RoutingTable


def row(
    id: str,  # noqa: A002 - the field's own name
    *,
    speed: int = 5,
    quality: int = 5,
    cost_tier: int = 0,
    window: int = 8192,
    min_complexity: str = "simple",
    chat: bool | None = True,
    streaming: bool | None = True,
    tools: bool | None = True,
    images: bool | None = False,
    thinking: bool | None = False,
    json: bool | None = False,
    embeddings: bool | None = False,
    local: bool | None = None,
    last_resort: bool = False,
    loaded: bool = False,
    declared: bool = True,
    flags: int = 0,
    blocked: str = "",
    input_price: float | None = None,
    output_price: float | None = None,
    provider: str | None = None,
) -> RoutingRow:
    """Build a routing row; a capability is True, False or None (unknown), *local* follows the cost tier.

    *flags* are further bits. The provider stays a name (the id's own, unless *provider* is given) until
    `table` numbers it.
    """
    known = (chat, streaming, tools, images, thinking, json, embeddings)
    is_local = cost_tier == 0 if local is None else local
    flags |= LOCAL * is_local | LAST_RESORT * last_resort | LOADED * loaded | DECLARED * declared
    return RoutingRow(
        id=id,
        provider=provider if provider is not None else id.partition("/")[0],  # type: ignore[arg-type]
        yes=capability_bits(*(n for n, value in zip(CAPABILITIES, known, strict=True) if value is True)),
        no=capability_bits(*(n for n, value in zip(CAPABILITIES, known, strict=True) if value is False)),
        window=window,
        speed=speed,
        quality=quality,
        cost_tier=cost_tier,
        min_complexity=COMPLEXITIES.index(min_complexity),
        flags=flags,
        blocked=blocked,
        input_price=input_price,
        output_price=output_price,
    )


def capability_bits(*names: str) -> int:
    """Return the bit set of *names*, one bit per place in `CAPABILITIES`."""
    return sum(1 << CAPABILITIES.index(name) for name in names)


def table(
    rows: Iterable[RoutingRow],
    *,
    local_first: bool = False,
    default_model: str = "dflt",
    recovery_model: str = "",
    providers: Iterable[Mapping[str, Any]] | None = None,
    routing: Routing | None = None,
    generation: int = 1,
    **fields: Any,
) -> RoutingTable:
    """Build a routing table; providers not given are made in the order their rows come.

    A given provider needs no more than an id; a row of an unlisted provider adds it.
    """
    listed = {str(given["id"]): _provider(**given) for given in providers or ()}
    numbered = []
    for each in rows:
        name = each.provider if isinstance(each.provider, str) else list(listed)[each.provider]
        listed.setdefault(name, _provider(id=name))
        numbered.append(each._replace(provider=list(listed).index(name)))
    return RoutingTable(
        generation=generation,
        providers=tuple(listed.values()),
        rows=numbered,
        local_first=local_first,
        default_model=default_model,
        recovery_model=recovery_model,
        routing=routing or Routing(),
        **({"aliases": {}, "profiles": (), "groups": ()} | fields),
    )


def _provider(**given: Any) -> dict[str, Any]:
    return {"enabled": True, "priority": 20, "location": "cloud"} | given


def facts(**known: Any) -> Facts:
    """Build the facts of a quiet moment: nothing cools, nothing is unreachable, nothing is known yet.

    Who rests may be given as a pair: until when, and why.
    """
    quiet: dict[str, Any] = {name: {} for name in Facts.__record_fields__}  # each is by name
    known["resting"] = {ref: Rest(*rest) for ref, rest in known.get("resting", {}).items()}
    return Facts(**(quiet | known))
