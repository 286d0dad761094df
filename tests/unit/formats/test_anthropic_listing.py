"""The format anthropic lists models: page by page, with what each can do, wherever a vendor has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import FAILURE_KINDS, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import wire_format
from llmpool.formats.base import Listing

ANTHROPIC = wire_format("anthropic")
TARGET = Target(provider="p", url="https://h", key="k")


def answer(payload: object, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def listed(*answers: Answer, target: Target = TARGET) -> tuple[Listing, list[Call]]:
    """Return the listing made of *answers*, and the calls that asked for them."""
    flow, calls = ANTHROPIC.list_models(target), []
    try:
        call = next(flow)
        for given in answers:
            calls.append(call)
            call = flow.send(given)
    except StopIteration as end:
        return end.value, calls
    raise AssertionError(f"one more answer is wanted: {call}")


def page(*lines: Any, **more: Any) -> Answer:
    return answer({"data": list(lines)} | more)


def model(name: str, **fields: Any) -> dict[str, Any]:
    """Make a line as Anthropic's API documents it."""
    return {"type": "model", "id": name, "display_name": name, "created_at": "2026-02-04T00:00:00Z"} | fields


def can(*supported: str, **more: Any) -> dict[str, Any]:
    """Make the capabilities of a line: those named are supported, the usual others are not."""
    names = ("image_input", "structured_outputs")
    return {name: {"supported": name in supported} for name in names} | more


def only(listing: Listing) -> ObservedModel:
    (found,) = listing.models
    return found


def test_a_line_tells_sizes_and_capabilities() -> None:
    """As in the source's worked example C7, with what newer listings say besides."""
    thinking = {"supported": True, "types": {"adaptive": {"supported": True}}}
    line = model(
        "claude-opus-4-6",
        max_input_tokens=200000,
        max_tokens=64000,
        lifecycle="active",
        capabilities=can("image_input", "structured_outputs", thinking=thinking),
    )
    listing, calls = listed(page(line, has_more=False))
    able = Capabilities(chat=True, streaming=True, tools=True, images=True, thinking=True, json=True)
    assert only(listing) == ObservedModel(
        name="claude-opus-4-6", capabilities=able, context_window=200000, max_context=200000, max_output=64000
    )
    assert [call.url for call in calls] == ["https://h/v1/models?limit=1000"]
    assert dict(calls[0].headers)["x-api-key"] == "k"
    assert dict(calls[0].headers)["anthropic-version"] == "2023-06-01"
    assert only(listed(page(model("m", max_output_tokens=5, max_tokens=9)))[0]).max_output == 5


def test_what_a_listing_does_not_say_is_unknown() -> None:
    """C7 takes missing capabilities for a no; here they are unknown (DESIGN ruling 15)."""
    able = only(listed(page(model("m")))[0]).capabilities
    assert able == Capabilities(chat=True, streaming=True, tools=True)


YES, NO = {"supported": True}, {"supported": False}
THINKS = [
    ({"thinking": YES}, True),
    ({"thinking": NO | {"types": {"enabled": YES}}}, True),
    ({"thinking": NO | {"types": {"adaptive": YES, "enabled": NO}}}, True),
    ({"thinking": NO | {"types": {"adaptive": NO, "disabled": YES}}}, False),
    ({"thinking": NO, "effort": NO | {"xhigh": YES}}, True),
    ({"effort": YES}, True),
    ({"effort": NO}, False),
    ({"thinking": "yes", "effort": {"low": True}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("said", "thinks"), THINKS)
def test_a_model_thinks_in_any_of_its_ways(said: dict[str, Any], *, thinks: bool | None) -> None:
    """As such, by a type of thinking that is no word for off, or with some effort."""
    assert only(listed(page(model("m", capabilities=said)))[0]).capabilities.thinking is thinks


def test_lines_of_other_protocols_are_read_as_theirs() -> None:
    """Gateways list in OpenAI's way; there a name alone says nothing of what a model can do."""
    line = {"id": "m", "object": "model", "context_length": 4096}
    found = only(listed(page(line))[0])
    assert (found.context_window, found.capabilities) == (4096, Capabilities())
    assert [m.name for m in listed(answer([{"id": "a"}, {"id": "b"}]))[0].models] == ["a", "b"]


def test_retired_and_unusable_lines_are_skipped_and_counted() -> None:
    """Deprecated models still answer; retired ones, doubles and names with escapes are no models."""
    bad: list[Any] = [
        model("old", lifecycle="retired"),
        model("m"),
        model("a\x1b[31m"),
        {"id": 3},
        None,
        "x",
        {},
    ]
    listing, _ = listed(page(model("m", lifecycle="deprecated"), *bad))
    assert ([m.name for m in listing.models], listing.skipped) == (["m"], 7)


def test_pages_are_followed_and_never_in_circles() -> None:
    """The last name asks for the next page; one that repeats ends it, and so does a page without."""
    first = page(model("a"), has_more=True, last_id="a b")
    listing, calls = listed(first, page(model("b"), has_more=False, last_id="b"))
    assert [m.name for m in listing.models] == ["a", "b"]
    assert calls[1].url == "https://h/v1/models?limit=1000&after_id=a%20b"
    assert len(listed(first, first)[1]) == 2
    for end in ({"has_more": True}, {"has_more": True, "last_id": 3}, {"has_more": "yes", "last_id": "x"}):
        assert len(listed(page(model("a"), **end))[1]) == 1
    endless = [page(model(f"m{n}"), has_more=True, last_id=f"m{n}") for n in range(1001)]
    with pytest.raises(UpstreamError, match="does not end"):
        listed(*endless)


def test_a_vendor_that_lists_beside_its_path_is_asked_there() -> None:
    """Pool-routing-formats 46: MiniMax has its models at the root, for a bearer of the key."""
    target = TARGET.replace(url="https://api.minimaxi.com/anthropic/v1/messages", key="k")
    for nothing in (answer({}, 404), Answer(status=200, headers={}, body=b"<!doctype html>")):
        listing, calls = listed(nothing, page({"id": "MiniMax-M2.7"}), target=target)
        assert [call.url for call in calls] == [
            "https://api.minimaxi.com/anthropic/v1/models?limit=1000",
            "https://api.minimaxi.com/v1/models?limit=1000",
        ]
        assert dict(calls[1].headers)["authorization"] == "Bearer k"
        assert "x-api-key" not in dict(calls[1].headers)
        assert only(listing).name == "MiniMax-M2.7"
        assert listing.base == ""


def test_nothing_there_is_told_where_nothing_else_can_be_tried() -> None:
    """Without the suffix there is no other place; behind both, the second answer counts."""
    for target, answers in [
        (TARGET, [answer({}, 404)]),
        (TARGET.replace(url="https://h/anthropic"), [answer({}, 404), answer({}, 404)]),
    ]:
        with pytest.raises(UpstreamError) as raised:
            listed(*answers, target=target)
        assert (raised.value.failure.kind, raised.value.failure.status) == ("wrong_format", 404)


BAD = [
    (answer({}), "wrong_format"),
    (answer({"data": None}), "wrong_format"),
    (answer({"data": {"id": "a"}}), "wrong_format"),
    (answer("text"), "wrong_format"),
    (page(*({"id": str(n)} for n in range(100_001))), "wrong_format"),
    (Answer(status=200, headers={}, body=b'{"data": ['), "wrong_format"),
    (answer({"type": "error", "error": {"type": "authentication_error", "message": "x"}}), "auth"),
    (answer({"error": "no"}, 401), "auth"),
    (answer({}, 500), "server"),
]


@pytest.mark.parametrize(("bad", "kind"), BAD)
def test_what_is_no_listing_is_a_failure(bad: Answer, kind: str) -> None:
    """An empty pool is never made of an error."""
    with pytest.raises(UpstreamError) as raised:
        listed(bad)
    assert raised.value.failure.kind == kind


FIELDS = (
    "data id type capabilities thinking types adaptive effort supported image_input max_input_tokens "
    "max_tokens lifecycle has_more last_id error object context_length"
)
NAMES = st.sampled_from(FIELDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["model", "retired", "a", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)


@given(st.lists(JSON | st.fixed_dictionaries({"data": st.lists(JSON, max_size=3)}), min_size=1, max_size=3))
def test_no_junk_raises_anything_but_an_upstream_error(pages: list[Any]) -> None:
    """Whatever JSON a listing is, it is a listing or a failure."""
    ended, models = "cancelled", ()
    try:
        listing, _ = listed(*map(answer, pages), page(), target=TARGET.replace(url="https://h/anthropic"))
        models = listing.models
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
    assert all(isinstance(found, ObservedModel) for found in models)
