"""The document of `policy simulate`: one other setting beside today's, or several strategies."""

from __future__ import annotations

from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    by_name,
    many,
    maybe,
    money,
    number,
    table,
    text,
    texts,
    whole,
)
from llmpool.cli.documents.usage import SPAN

_TRIED = table(
    {
        "policies": maybe(whole("policies that were tried")),
        "keys": by_name({}, "keys that were tried"),
        "strategies?": texts("strategies that were tried; where there are several"),
    },
    "what was tried",
)
_MOVED: Fields = {
    "changed": whole("how many come out otherwise"),
    "moves": many(
        table(
            {
                "from": maybe(text("who answers today; null is nobody")),
                "to": maybe(text("who would; null is nobody")),
                "decisions": whole("how many"),
            }
        ),
        "who takes over from whom",
    ),
    "moves_total": whole("how many such moves there are"),
    "not_eligible": table(
        {
            "today": whole("how many find nobody today"),
            "other": whole("how many would"),
            "became": whole("how many of them are new"),
            "reasons": many(table({"reason": text("why"), "decisions": whole("how many")}), "why"),
        },
        "for whom nobody is eligible",
    ),
}
_MISSING: Fields = {
    "unpriced": whole("how many have no price"),
    "uncounted": whole("how many have no counts"),
}
_CHANCE = number("the chance of a good answer, 0 to 1")


def _compared(shape: Shape) -> Fields:
    return {
        "today": maybe(shape),
        "other": maybe(shape),
        "difference": maybe(shape),
        "decisions": whole("how many decisions that is of"),
    }


_FIGURES: Fields = {
    "strategy": text("how one is chosen"),
    "nobody": whole("how many find nobody"),
    "cost": maybe(money("what they cost")),
    "latency_ms": maybe(number("milliseconds")),
    "quality": maybe(number("rating, 0 to 10")),
    "expected_quality": maybe(_CHANCE),
}
_OVER: Fields = _MISSING | {
    name: whole("how many decisions that figure is of")
    for name in ("cost", "latency_ms", "quality", "expected_quality")
}
_ONE: Fields = _MOVED | {
    "cost": table(_compared(money("what they cost")) | _MISSING, "cost"),
    "latency_ms": table(_compared(number("milliseconds")), "latency"),
    "quality": table(_compared(number("0 to 10")), "quality"),
    "expected_quality": table(_compared(_CHANCE), "expected quality at the difficulty of each"),
}
_SEVERAL: Fields = {
    "today": table(_FIGURES, "today's strategy"),
    "strategies": many(table(_FIGURES | _MOVED), "each strategy that was tried"),
    "over": table(_OVER, "where each figure is known of all of them"),
}
SIMULATED: Fields = (
    SPAN
    | {
        "tried": _TRIED,
        "decisions": whole("how many were decided again"),
        "skipped": by_name({"type": "integer"}, "why, and how many"),
    }
    | {f"{name}?": shape for name, shape in (_ONE | _SEVERAL).items()}
    | {
        "guessed_difficulty": whole("of how many it is taken from the complexity"),
        "since_recorded": whole("how many come out otherwise today than when they were recorded"),
    }
)
