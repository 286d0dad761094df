"""The format openai finds a listing: where it asks, with which key, how far, and what it does not believe."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.wire import Answer, Target, Timeouts
from llmpool.formats import wire_format
from tests.unit.formats.listed import Listed, answer, page, run
from tests.unit.formats.recordings import recorded

OPENAI = wire_format("openai")
TARGET = Target(provider="p", url="http://h:1/v1", key="k")
ROOT = TARGET.replace(url="http://h:1")
MODELS = answer({"data": [{"id": "m"}]})
NOTHING = recorded("llama/unknown-path")


def listed(*answers: Answer | UpstreamError, target: Target = TARGET) -> Listed:
    """Run a listing against *answers*."""
    return run(OPENAI.list_models(target), *answers)


def failure(*answers: Answer, target: Target = TARGET) -> Failure:
    """Return the failure of a listing that *answers* make."""
    with pytest.raises(UpstreamError) as raised:
        listed(*answers, target=target)
    return raised.value.failure


PLACES = [
    ("http://h:1/v1", False, ["http://h:1/v1/models"]),
    ("http://h:1/v1/", False, ["http://h:1/v1/models"]),
    ("http://h:1/api/paas/v4", False, ["http://h:1/api/paas/v4/models"]),
    ("http://h:1", False, ["http://h:1/v1/models", "http://h:1/models"]),
    ("http://h:1", True, ["http://h:1/models"]),
    ("http://h:1/v1/chat/completions", False, ["http://h:1/v1/models"]),
    ("http://h:1/v1/responses", False, ["http://h:1/v1/models"]),
    ("http://h:1/x?a=b", False, ["http://h:1/x/v1/models?a=b", "http://h:1/x/models?a=b"]),
]


@pytest.mark.parametrize(("url", "exact", "asked"), PLACES)
def test_a_listing_is_looked_for_where_it_can_be(url: str, exact: bool, asked: list[str]) -> None:
    """An address without a version is helped; one that has it, or is a vendor's own, is taken at its word."""
    target = TARGET.replace(url=url, exact=exact)
    assert asked == listed(*[NOTHING] * (len(asked) - 1), MODELS, target=target).urls


@pytest.mark.parametrize(
    "nothing",
    [
        NOTHING,
        answer({"error": "Unexpected endpoint or method. (GET /v1/models)"}),
        page(),
        answer({}, 405),
        answer({"detail": "no model listing here"}, 404),
    ],
)
def test_what_is_no_listing_sends_on_to_the_next_address(nothing: Answer) -> None:
    """Worked example 37: only `/models` is served, `/v1/models` is not, and the base found is told."""
    found = listed(nothing, MODELS, target=ROOT)
    assert found.urls == ["http://h:1/v1/models", "http://h:1/models"]
    assert found.listing.base == ""  # simply the target's
    assert listed(MODELS, target=ROOT).listing.base == "http://h:1/v1"
    assert failure(nothing).kind == "wrong_format"


def test_an_address_that_names_its_endpoint_is_not_bettered() -> None:
    """What the owner wrote out in full is called as it is, wherever the listing was."""
    for path in ("/chat/completions", "/v1/chat/completions", "/v1/responses"):
        assert listed(MODELS, target=ROOT.replace(url=f"http://h:1{path}")).listing.base == ""


def test_a_page_instead_of_a_listing_says_what_to_check() -> None:
    """Of two addresses that are none the page tells more."""
    for answers in ((page(), NOTHING), (NOTHING, page("<html>", 404))):
        said = failure(*answers, target=ROOT)
        assert (said.kind, said.code) == ("wrong_format", "html")
        assert said.message.endswith("; check the URL and the key")
    assert failure(NOTHING, NOTHING, target=ROOT).message == "File Not Found"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_left_out_once_at_an_address_of_ones_own(status: int) -> None:
    """Some servers list to everybody but those whose key they do not know."""
    refused = answer({"error": "no"}, status)
    found = listed(refused, MODELS, target=TARGET.replace(headers=(("x-team", "a"),)))
    assert [dict(call.headers).get("authorization") for call in found.calls] == ["Bearer k", None]
    assert dict(found.calls[1].headers)["x-team"] == "a"
    assert failure(refused, answer({}, 404)).kind == "auth"


@pytest.mark.parametrize("target", [TARGET.replace(exact=True), TARGET.replace(key="")])
def test_a_vendors_own_address_is_never_asked_without_its_key(target: Target) -> None:
    """There a refused key is refused; and without a key there is nothing to leave out."""
    assert failure(answer({"error": "no"}, 401), target=target).kind == "auth"


def test_pages_are_followed_and_never_in_circles() -> None:
    """Both ways of paging lead to the last page; a repeated page ends it."""
    first = {"data": [{"id": "a"}], "has_more": True, "last_id": "a b"}
    found = listed(answer(first), answer({"data": [{"id": "b"}], "has_more": False}))
    assert (found.names, found.urls[1]) == (["a", "b"], "http://h:1/v1/models?after=a%20b")
    assert listed(answer(first), answer(first)).names == ["a"]
    linked = {"data": [], "links": {"next": "/v1/models?offset=9"}}
    assert listed(answer(linked), answer({"data": []})).urls[1] == "http://h:1/v1/models?offset=9"


@pytest.mark.parametrize("link", ["http://evil/", "//evil/x", "http://h:12/", "http://h:1.evil/", 3])
def test_a_page_at_another_host_is_not_asked_for(link: object) -> None:
    """The key of one host goes to no other."""
    assert len(listed(answer({"data": [], "links": {"next": link}})).calls) == 1


def test_endless_pages_come_to_an_end() -> None:
    """A server that always has one more page is asked a thousand times, and half a listing is none."""
    pages = (answer({"data": [{"id": f"m{n}"}], "has_more": True, "last_id": str(n)}) for n in range(1001))
    with pytest.raises(UpstreamError, match="does not end within 1,000 pages"):
        listed(*pages)


BAD: list[tuple[Answer, str]] = [
    (answer({}), "wrong_format"),
    (answer({"data": None}), "wrong_format"),
    (answer({"data": {"id": "a"}}), "wrong_format"),
    (answer("text"), "wrong_format"),
    (answer({"data": [{"id": str(n)} for n in range(100_001)]}), "wrong_format"),
    (page("<html>"), "wrong_format"),
    (Answer(status=200, headers={}, body=b'{"data": ['), "wrong_format"),
    (answer({"error": {"message": "no", "code": "invalid_api_key"}}), "auth"),
    (answer({"error": "slow down"}, 429), "rate_limit"),
    (answer({}, 500), "server"),
]


@pytest.mark.parametrize(("bad", "kind"), BAD)
def test_what_is_no_listing_is_a_failure(bad: Answer, kind: str) -> None:
    """An empty pool is never made of an error."""
    assert failure(bad).kind == kind


def test_a_server_that_is_busy_is_not_asked_elsewhere() -> None:
    """Only an address that does not exist sends on to the next."""
    for status in (429, 500, 503):
        assert failure(answer({}, status), target=ROOT).status == status


def test_llama_cpp_says_how_much_context_is_loaded() -> None:
    """The window of a slot is what a request gets; what its template and its eyes can do is asked beside."""
    found = listed(recorded("llama/models"), recorded("llama/props"), target=ROOT)
    (model,) = found.listing.models
    assert found.urls == ["http://h:1/v1/models", "http://h:1/props"]
    assert found.calls[1].timeouts.total == 3.0
    assert (model.name, model.context_window, model.loaded_context) == ("tiny-chat", 2048, 2048)
    assert (model.max_context, model.state, model.size) == (8192, "loaded", 755456)
    assert (model.capabilities.images, model.capabilities.tools) == (False, True)


PROPS: list[Answer | UpstreamError] = [
    NOTHING,
    answer({"error": {"code": 401}}, 401),
    page(),
    answer(["nonsense"]),
    UpstreamError(Failure(kind="timeout", message="late")),
]


@pytest.mark.parametrize("said", PROPS)
def test_llama_cpp_without_its_props_is_listed_all_the_same(said: Answer | UpstreamError) -> None:
    """Nothing hangs on an address that other versions and proxies do not have."""
    (model,) = listed(recorded("llama/models"), said).listing.models
    assert (model.name, model.loaded_context, model.capabilities.tools) == ("tiny-chat", 2048, None)


def test_props_say_what_a_smaller_slot_and_a_sleeping_model_are() -> None:
    """Slots share the context, and a model that sleeps is not warm."""
    props: dict[str, Any] = {
        "default_generation_settings": {"n_ctx": 512},
        "modalities": {"vision": True},
        "is_sleeping": True,
    }
    (model,) = listed(recorded("llama/models"), answer(props)).listing.models
    assert (model.context_window, model.loaded_context, model.state) == (512, 512, "sleeping")
    assert (model.capabilities.images, model.capabilities.tools) == (True, None)


def test_a_router_of_llama_cpp_is_not_asked_for_props() -> None:
    """Its own tell of no model; what is loaded, and with what window, is in its listing."""
    found = listed(recorded("llama-router/07-models-two-loaded"))
    models = {model.name: model for model in found.listing.models}
    assert {name: model.state for name, model in models.items()} == {
        "missing-file": "unloaded",
        "tiny-chat": "loaded",
        "tiny-embed": "unloaded",
        "tiny-think": "loaded",
        "tiny-tools": "unloaded",
    }
    assert (models["tiny-chat"].loaded_context, models["tiny-chat"].max_context) == (2048, 8192)
    assert (models["tiny-tools"].loaded_context, models["tiny-tools"].context_window) == (0, 2048)
    assert (models["tiny-embed"].capabilities.chat, models["tiny-embed"].capabilities.embeddings) == (
        False,
        True,
    )


def test_time_outs_and_tls_of_the_target_go_along() -> None:
    """A listing keeps to the limits it is given."""
    target = TARGET.replace(timeouts=Timeouts(total=1.0), verify_tls=False)
    calls = listed(recorded("llama/models"), recorded("llama/props"), target=target).calls
    assert {(call.timeouts.total, call.verify_tls) for call in calls} == {(1.0, False)}


FIELDS = """
    data id error message links next has_more last_id owned_by meta n_ctx status args architecture modality
    output_modalities pricing prompt capabilities type supported_parameters
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(JSON, JSON)
def test_no_junk_raises_anything_but_an_upstream_error(first: object, second: object) -> None:
    """Wrong types in every place are told or skipped, never stumbled over."""
    lines = {"data": [{"id": "m"} | first if isinstance(first, dict) else first, second]}
    answers, ended = [answer(lines), *[answer(second)] * 99], "cancelled"
    try:
        listing = run(OPENAI.list_models(TARGET), *answers, all_used=False).listing
    except UpstreamError as error:
        ended = error.failure.kind
    else:
        assert all(model.name for model in listing.models)
    assert ended in FAILURE_KINDS
