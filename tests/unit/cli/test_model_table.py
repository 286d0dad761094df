"""The table of `models list`: it fits, and no id in it is ever cut."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.cli import layout
from llmpool.cli.model_table import _HEADINGS, line_of

READY: dict[str, Any] = {
    "id": "den/qwen3:8b",
    "location": "local",
    "context_window": 32768,
    "ratings": {"quality": 5, "speed": 7, "cost_tier": 0},
    "capabilities": {"tools": True, "images": False, "thinking": None},
    "policy": {"state": "active", "provider_state": "active"},
}
NO_KEY = {"unavailable_reason": "no key: OPENAI_API_KEY is not set"}
ABLE = {"capabilities": {"tools": True, "images": True, "thinking": True}}
LONG = "openrouter/nvidia/llama-3.3-nemotron-super-49b-v1.5-instruct:free"


def table(*models: dict[str, Any], width: int = 80) -> list[str]:
    return list(layout.lines(_HEADINGS, [line_of(READY | model) for model in models], width, lambda t, _: t))


def test_columns_are_aligned() -> None:
    """Figures stand under their headings, right-aligned; what is unknown is a question mark."""
    assert table({}, {"id": "sky/x", "location": "cloud", "context_window": None, "last_resort": True}) == [
        "MODEL         WHERE  WINDOW  QUAL  SPD  COST  CAN",
        "den/qwen3:8b  local     32k     5    7     0  tools",
        "sky/x         cloud       ?     5    7     0  tools  last resort",
    ]


def test_a_remark_without_room_has_a_line_of_its_own_once() -> None:
    """Why a provider's models are not available is written in full, and for the next ones pointed at."""
    assert table(*({"id": f"openai/gpt-5-{n}"} | NO_KEY | ABLE for n in "ab"))[1:] == [
        "openai/gpt-5-a  local     32k     5    7     0  tools,images,thinking",
        "    no key: OPENAI_API_KEY is not set",
        "openai/gpt-5-b  local     32k     5    7     0  tools,images,thinking  as above",
    ]


def test_a_long_id_is_whole_on_a_line_of_its_own() -> None:
    """An id that is cut cannot be copied."""
    assert LONG in table({"id": LONG} | ABLE, {})


@pytest.mark.parametrize("width", [30, 40, 64, 80, 132])
def test_nothing_but_a_long_id_is_wider_than_the_terminal(width: int) -> None:
    """Whatever the remarks are, at any width."""
    reason = {"unavailable_reason": "unreachable since 2026-11-21T03:44:00Z (no route to host) " * 3}
    models: list[dict[str, Any]] = [{}, {"id": LONG}, {"id": "a" * 29} | ABLE | NO_KEY, reason]
    models.append({"unknown": ["json"]} | ABLE)
    lines = table(*models, width=width)
    assert all(len(line) <= width or line in (LONG, "a" * 29) for line in lines), lines
    assert any("json unknown" in line for line in lines)


def test_a_flag_is_a_remark() -> None:
    """A label that changes no decision is still what its owner looks for."""
    flagged = {"policy": {"state": "active", "provider_state": "flagged"}}
    assert table(flagged)[1].endswith("tools  flagged")


def test_the_default_has_a_star() -> None:
    """It is told beside the figures, so that an id stays what can be copied."""
    assert table({"default": True})[1].endswith("tools  * default")
