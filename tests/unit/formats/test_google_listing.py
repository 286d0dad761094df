"""The format google reads listings: a recorded one, pages to the last, and whatever else comes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import FAILURE_KINDS, UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import collect, wire_format
from llmpool.formats.collect import MAX_PAGES
from tests.unit.formats.google_cases import JSON, answer, listed, recorded

GOOGLE = wire_format("google")
TARGET = Target(provider="p", url="https://g.example/v1beta", key="k-1")


def model(name: object, *methods: str, **more: Any) -> dict[str, Any]:
    """Make a line of a listing."""
    return {"name": name, "supportedGenerationMethods": list(methods)} | more


def page(*models: Any, token: object = None) -> dict[str, Any]:
    """Make a page of a listing."""
    return {"models": list(models)} | ({} if token is None else {"nextPageToken": token})


def test_a_recorded_listing_is_read_whole() -> None:
    """Names without their folder, both limits, and what each model does by the methods it names."""
    listing, (call,) = listed(GOOGLE, TARGET, recorded("llm-gemini/models"))
    assert (call.method, call.url) == ("GET", "https://g.example/v1beta/models?pageSize=1000")
    assert ("x-goog-api-key", "k-1") in call.headers
    models = {found.name: found for found in listing.models}
    assert (len(models), listing.skipped) == (45, 0)
    pro = models["gemini-3.1-pro-preview"]
    assert (pro.context_window, pro.max_context, pro.max_output) == (1_048_576, 1_048_576, 65_536)
    assert pro.capabilities == Capabilities(chat=True, streaming=True, thinking=True, embeddings=False)
    assert models["gemini-2.0-flash"].capabilities.thinking is None
    embeds = models["gemini-embedding-001"]
    assert (embeds.capabilities.chat, embeds.capabilities.embeddings) == (False, True)
    assert embeds.kind == "embedding"
    others = [name for name, found in models.items() if found.capabilities.chat is False]
    assert "veo-3.0-generate-001" in others
    assert "gemini-2.5-flash-native-audio-latest" in others
    assert sum(found.capabilities.chat is True for found in listing.models) == 32


def test_pages_are_followed_to_the_last() -> None:
    """A token is asked back, encoded; a page that left out its empty list is one."""
    pages = [answer(page(model("models/a", "generateContent"), token="t&1")), answer({"nextPageToken": "u"})]
    listing, calls = listed(GOOGLE, TARGET, *pages, answer(page(model("tunedModels/b"))))
    assert [found.name for found in listing.models] == ["a", "tunedModels/b"]
    base = "https://g.example/v1beta/models?pageSize=1000"
    assert [call.url for call in calls] == [base, f"{base}&pageToken=t%261", f"{base}&pageToken=u"]


def test_paging_always_ends() -> None:
    """A token that repeats ends the listing, and so does one that is none."""
    circle = [answer(page(token="t")), answer(page(token="u")), answer(page(token="t"))]
    assert len(listed(GOOGLE, TARGET, *circle)[1]) == 3
    assert len(listed(GOOGLE, TARGET, answer(page(token=["x"])))[1]) == 1


def test_pages_without_end_are_no_listing() -> None:
    """A part of it would make the rest look gone, so a large one is read to its end."""
    endless = [answer(page(model(f"models/m{n}"), token=f"t{n}")) for n in range(MAX_PAGES + 1)]
    with pytest.raises(UpstreamError, match="does not end within 1,000 pages"):
        listed(GOOGLE, TARGET, *endless)
    whole = [*endless[: MAX_PAGES - 1], answer(page(model("models/last")))]
    assert len(listed(GOOGLE, TARGET, *whole)[0].models) == MAX_PAGES


def test_lines_that_cannot_be_used_are_counted() -> None:
    """Nameless, unprintable, over-long, doubled and foreign lines are skipped; odd fields are unknown."""
    good = model("models/a", inputTokenLimit="many", outputTokenLimit=-1, thinking="yes")
    bad = [model(None), model("models/\x1b[2J"), model("models/" + "x" * 600), model("models/a"), 3, None]
    listing, _ = listed(GOOGLE, TARGET, answer(page(good, *bad)))
    assert listing.models == (ObservedModel(name="a"),)
    assert listing.skipped == len(bad)


def test_a_listing_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More models than anybody has are no listing."""
    monkeypatch.setattr(collect, "MAX_MODELS", 3)
    with pytest.raises(UpstreamError, match="more than 3 models"):
        listed(GOOGLE, TARGET, answer(page(*[model(f"models/{n}") for n in range(4)])))


BAD = [
    (recorded("aimock/models-not-there"), "wrong_format"),
    (
        answer({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, 400),
        "auth",
    ),
    (answer({"error": {"code": 403, "message": "denied", "status": "PERMISSION_DENIED"}}), "auth"),
    (answer({}), "wrong_format"),
    (answer([]), "wrong_format"),
    (answer({"data": []}), "wrong_format"),
    (answer({"models": {}}), "wrong_format"),
]


@pytest.mark.parametrize(("given_answer", "kind"), BAD)
def test_what_is_no_listing_is_a_failure(given_answer: Any, kind: str) -> None:
    """An answer of another protocol is never taken for an empty listing."""
    with pytest.raises(UpstreamError) as raised:
        listed(GOOGLE, TARGET, given_answer)
    assert kind == raised.value.failure.kind


@given(st.lists(JSON, max_size=4), st.booleans())
def test_no_junk_raises_anything_but_an_upstream_error(lines: list[Any], alone: bool) -> None:
    """Wrong types in every place are skipped or told."""
    ended = "cancelled"
    try:
        listing, _ = listed(GOOGLE, TARGET, answer(lines if alone else page(*lines)))
        assert len(listing.models) + listing.skipped == len(lines)
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
