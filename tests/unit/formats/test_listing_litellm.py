"""A LiteLLM proxy is listed by its own information, in both of its shapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.wire import Answer, Target
from llmpool.formats import collect
from llmpool.formats.litellm_listing import litellm_listing
from tests.unit.formats.listed import Listed, answer, page, run

TARGET = Target(provider="p", url="http://h:1", key="k")
LINES = {
    "data": [
        {
            "model_name": "gpt",
            "litellm_params": {"model": "openai/gpt-5"},
            "model_info": {
                "mode": "chat",
                "max_input_tokens": 400_000,
                "max_output_tokens": 128_000,
                "max_tokens": 128_000,
                "supports_vision": True,
                "supports_function_calling": True,
                "supports_reasoning": None,
                "input_cost_per_token": 1.25e-06,
                "output_cost_per_token": 1e-05,
            },
        },
        {"model_name": "gpt", "model_info": {}},
        {"model_name": "embed", "model_info": {"mode": "embedding", "max_input_tokens": 8}},
        {"model_name": "draw", "model_info": {"mode": "image_generation"}},
        {"model_name": "openai/*"},
        {"model_name": "bare", "model_info": None},
        7,
    ]
}


def listed(*answers: Answer, url: str = TARGET.url) -> Listed:
    """Run the listing against *answers*."""
    return run(litellm_listing(TARGET.replace(url=url)), *answers)


def failure(*answers: Answer) -> Failure:
    """Return the failure of a listing."""
    with pytest.raises(UpstreamError) as raised:
        listed(*answers)
    return raised.value.failure


def test_lines_tell_sizes_abilities_and_prices() -> None:
    """What the proxy's table knows is taken; doubles, patterns and nonsense are counted."""
    found = listed(answer(LINES))
    assert (found.names, found.listing.skipped) == (["gpt", "embed", "draw", "bare"], 3)
    gpt, embed, draw, bare = found.listing.models
    assert (gpt.context_window, gpt.max_output) == (400_000, 128_000)
    assert (gpt.input_price, gpt.output_price) == ("1.25", "10")
    can = gpt.capabilities
    assert (can.chat, can.tools, can.images, can.thinking) == (True, True, True, None)
    assert (embed.capabilities.chat, embed.capabilities.embeddings) == (False, True)
    assert (draw.capabilities.chat, draw.capabilities.embeddings) == (False, False)
    assert (bare.capabilities.chat, bare.context_window) == (None, 0)


def test_an_object_has_the_names_as_its_keys() -> None:
    """The older shape."""
    found = listed(answer({"data": {"a": {"max_input_tokens": 5}, "b": None, "": {}}}))
    assert (found.names, found.listing.models[0].context_window) == (["a", "b"], 5)
    assert (found.listing.skipped, found.listing.base) == (1, "http://h:1/v1")


PLACES = [
    ("http://h:1", ["http://h:1/model/info", "http://h:1/models/info", "http://h:1/v1/model/info"]),
    ("http://h:1/v1", ["http://h:1/model/info", "http://h:1/models/info", "http://h:1/v1/model/info"]),
    ("http://h:1/x", ["http://h:1/x/model/info", "http://h:1/x/models/info", "http://h:1/x/v1/model/info"]),
]


@pytest.mark.parametrize(("url", "asked"), PLACES)
def test_its_three_addresses_are_asked_in_turn(url: str, asked: list[str]) -> None:
    """A page, an error, an empty listing: on to the next."""
    found = listed(page(), answer({"data": []}), answer(LINES), url=url)
    assert (found.urls, found.names[0]) == (asked, "gpt")
    assert all(dict(call.headers)["authorization"] == "Bearer k" for call in found.calls)


def test_nothing_found_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty pool is never made of nothing."""
    assert failure(answer({}, 404), answer({"data": []}), answer({"data": 3})).kind == "wrong_format"
    assert failure(*[answer({"data": []})] * 3).message == "no models at /model/info"
    monkeypatch.setattr(collect, "MAX_MODELS", 1000)
    many = answer({"data": [{"model_name": str(n)} for n in range(1001)]})
    assert "more than 1,000" in failure(many, many, many).message


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_it(status: int) -> None:
    """It would be refused at the other addresses too."""
    assert failure(answer({"error": {"message": "quota"}}, status)).status == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "model_name", "model_info", "mode", "max_input_tokens"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_junk_raises_anything_but_an_upstream_error(junk: object) -> None:
    """Wrong types in every place are told or skipped, never stumbled over."""
    flow, ended = litellm_listing(TARGET), "cancelled"
    try:
        found = run(flow, *[answer({"data": junk})] * 3, all_used=False)
    except UpstreamError as error:
        ended = error.failure.kind
    else:
        assert all(found.names)
    assert ended in FAILURE_KINDS
