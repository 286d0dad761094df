"""From options to a routing request: sizes, needs, hints and money, checked before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli import requests
from llmpool.cli.options import RoutingOptions
from llmpool.core.deployment import CAPABILITIES
from llmpool.core.routing import RouteRequest
from llmpool.core.text import tokens as estimate
from llmpool.errors import Misuse
from llmpool.router.route import route
from tests.builders import facts, row, table

NOT_GIVEN: dict[str, Any] = {
    **dict.fromkeys(("model", "needs", "context_size", "profile", "strategy", "mode"), ""),
    **dict.fromkeys(("max_cost", "prefer", "group", "priority"), ""),
    **dict.fromkeys(("local_only", "loose", "force"), False),
    **dict.fromkeys(("min_quality", "quality", "fallback"), None),
    "tool_count": 0,
}


class Listener:
    """A terminal that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def request(query: str = "", text: str = "", **given: Any) -> RouteRequest:
    """Build the request of a command line with these options."""
    options = RoutingOptions(**({"hint": [], "exclude": []} | NOT_GIVEN | given))
    return requests.route_request(options, query, text, Listener())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("   \n", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("  abcd  ", 1), ("é" * 4, 2)],
)
def test_four_bytes_of_trimmed_text_are_a_token(text: str, tokens: int) -> None:
    """5.4: bytes of UTF-8, blanks at the ends not counted, rounded up."""
    assert estimate(text) == tokens


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_has_a_size(text: str) -> None:
    """Half a surrogate pair, as a terminal of another encoding hands over, is estimated too."""
    assert estimate(text) >= 0


def test_text_that_is_not_utf8_is_routed_all_the_same() -> None:
    """A prompt with a byte of another encoding gets its decision."""
    decision = route(RouteRequest(query="na\udcefve"), table([row("den/a")]), facts()).decision
    assert (decision.selected, decision.query_length) == ("den/a", 5)


def test_without_options_a_request_asks_for_nothing() -> None:
    """Only query and estimated size are set; unset stays unset, so that profiles can fill it."""
    made = request("hi", "hi there")
    assert made == RouteRequest(query="hi", context_size=2, stated=False)


def test_a_stated_size_replaces_the_estimate() -> None:
    """`--context-size` is the caller's word, 0 included."""
    assert (request("x", "x" * 99, context_size="8k").context_size, request(context_size="8k").stated) == (
        8192,
        True,
    )
    nothing = request("x", "x" * 99, context_size="0")
    assert (nothing.context_size, nothing.stated) == (0, True)


def test_options_arrive_as_they_were_given() -> None:
    """Each option has its field; `--exclude` may be repeated and may list several."""
    made = request(
        exclude=["a,b/c", "d"], local_only=True, min_quality=0, mode="local", priority="background"
    )
    assert made.exclude == ("a", "b/c", "d")
    assert (made.local_only, made.min_quality, made.mode, made.priority) == (True, 0, "local", "background")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("", ()),
        ("tools", ("tools",)),
        ("tools,images", ("tools", "images")),
        (" tools , json,", ("tools", "json")),
        ("vision,images", ("images",)),
        ("function_call,stream,embed", ("tools", "streaming", "embeddings")),
    ],
)
def test_needs_are_capabilities_in_any_spelling(text: str, needs: tuple[str, ...]) -> None:
    """Blanks and repeats do not matter, and `vision` and `function_call` are accepted where typed."""
    assert requests.needs(text) == needs


def test_every_capability_can_be_needed() -> None:
    """What the registry knows can be asked for."""
    assert requests.needs(",".join(CAPABILITIES)) == CAPABILITIES


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"needs": "tool"}, "did you mean tools?"),
        ({"needs": "zzz"}, "one of: chat, streaming"),
        ({"strategy": "scores"}, "did you mean score?"),
        ({"mode": "clod"}, "did you mean cloud?"),
        ({"priority": "urgent!"}, "interactive, background"),
        ({"context_size": "big"}, "write 900, 32k or 1M"),
        ({"max_cost": "cheap"}, "--max-cost 0.05"),
        ({"hint": ["prefer_speed"]}, "--hint prefer_speed=true"),
        ({"hint": ["=x"]}, "--hint prefer_speed=true"),
    ],
)
def test_a_value_nobody_knows_is_a_misuse_with_a_way_out(given: dict[str, Any], hint: str) -> None:
    """The error ends with 2 and says what would have been right."""
    with pytest.raises(Misuse) as caught:
        request(**given)
    assert caught.value.exit_code == 2
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "amount"), [("0.05", "0.05"), ("$2", "2"), ("0", "0"), ("-0", "0"), ("1e-3", "0.001")]
)
def test_amounts_are_decimals(text: str, amount: str) -> None:
    """A dollar sign is allowed, and no figure goes through a float."""
    assert request(max_cost=text).max_cost == amount


@pytest.mark.parametrize(
    "text", ["-1", "nan", "inf", "1,5", "5 USD", "$", "$$1", "1e400", "1e-400", "0e999", "0." + "3" * 40]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Nothing negative, nothing endless, nothing that no record of a decision could hold."""
    with pytest.raises(Misuse, match="is no amount of USD"):
        request(max_cost=text)


def test_hints_are_pairs_in_order() -> None:
    """Split at the first equals sign; values may be empty or hold more of them."""
    made = request(hint=["channel=voice", "x=a=b", "y="])
    assert made.hints == (("channel", "voice"), ("x", "a=b"), ("y", ""))


@pytest.mark.parametrize(
    ("hint", "option"),
    [
        ("local_only=true", "--local-only"),
        ("quality_floor=7", "--min-quality"),
        ("local_only=false", ""),
        ("mission=background", ""),
    ],
)
def test_a_wish_that_looks_like_a_requirement_is_pointed_out(hint: str, option: str) -> None:
    """Ruling 2: a soft hint stays soft, and the caller learns which option always holds."""
    listener = Listener()
    requests.hints([hint], listener)  # type: ignore[arg-type]
    assert len(listener.said) == bool(option)
    assert all(option in text for text in listener.said)
