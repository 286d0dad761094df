"""The format ollama lists models: what the server says of each, what is loaded, and what stays unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import collect, wire_format
from llmpool.formats.base import Listing
from llmpool.formats.ollama_listing import MAX_SHOWS
from tests.contract.ollama.shapes import documented, recorded

TARGET = Target(provider="p", url="http://h:11434", key="k")
TAGS, PS, SHOW = "GET /api/tags", "GET /api/ps", "POST /api/show"
NOT_THERE = Answer(status=404, headers={}, body=b"404 page not found")
CHAT = Capabilities(
    chat=True, streaming=True, tools=False, images=False, thinking=False, json=True, embeddings=False
)


def answer(payload: object, status: int = 200) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def named(*names: object) -> Answer:
    """Make the tags of models of which nothing else is known."""
    return answer({"models": [{"name": name} for name in names]})


class Server:
    """Answers by path, notes what was asked; a list is answered one by one, an error raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {TAGS: answers["tags"], PS: answers.get("ps", NOT_THERE)}
        self.answers[SHOW] = answers.get("show", NOT_THERE)
        self.asked: list[str] = []

    def __call__(self, call: Call) -> Answer:
        """Answer *call*, or raise what is to be raised."""
        path = f"{call.method} /{call.url.split('/', 3)[3]}"
        self.asked.append(path if call.body is None else f"{path} {json.loads(call.body)['model']}")
        assert dict(call.headers)["authorization"] == "Bearer k"
        given_answer = self.answers[path]
        if isinstance(given_answer, list):
            given_answer = given_answer.pop(0)
        if isinstance(given_answer, str):
            raise UpstreamError(Failure(kind=given_answer, message="gone"))
        assert isinstance(given_answer, Answer)
        return given_answer


def listed(server: Server, target: Target = TARGET) -> Listing:
    """Run a listing against *server*, as `Client.run` does."""
    flow = wire_format("ollama").list_models(target)
    try:
        call = next(flow)
        while True:
            try:
                given_answer = server(call)
            except UpstreamError as error:
                call = flow.throw(error)
            else:
                call = flow.send(given_answer)
    except StopIteration as end:
        listing: Listing = end.value
        return listing


def only(server: Server, target: Target = TARGET) -> ObservedModel:
    """Return the one model of *server*."""
    (model,) = listed(server, target).models
    return model


def test_the_newest_servers_are_not_asked_about_each_model() -> None:
    """Their tags tell all but of a model that runs elsewhere; what is loaded counts as it is."""
    server = Server(
        tags=documented("tags-with-capabilities.json"), ps=documented("ps.json"), show=documented("show.json")
    )
    gemma, llama, nomic, cloud = listed(server).models
    assert server.asked == [TAGS, PS, f"{SHOW} gpt-oss:120b-cloud"]
    assert gemma == ObservedModel(
        name="gemma4:latest",
        kind="llm",
        family="gemma4",
        families=("gemma4",),
        parameter_size="8.0B",
        quantization="Q4_K_M",
        state="loaded",
        capabilities=CHAT.replace(tools=True, images=True, thinking=True),
        context_window=4096,
        max_context=131072,
        loaded_context=4096,
        size=9608350245,
        digest="c6eb396dbd5992bbe3f5cdb947e8bbc0ee413d7c17e2beaae69f5d569cf982eb",
    )
    assert (llama.state, llama.context_window, llama.max_context, llama.loaded_context) == (
        "",
        131072,
        131072,
        0,
    )
    assert (nomic.kind, nomic.capabilities.chat, nomic.capabilities.embeddings) == ("embedding", False, True)
    assert (cloud.remote, cloud.family, cloud.capabilities.json) == (True, "gptoss", None)
    assert not gemma.remote


def test_older_servers_are_asked_about_each_model() -> None:
    """What the tags leave out, `/api/show` tells: context, abilities, and the window a Modelfile sets."""
    shows = [documented(f"{name}.json") for name in ("show", "show-unknown.404", "show-embedding")]
    server = Server(tags=documented("tags-classic.json"), ps=documented("ps-empty.json"), show=shows)
    gemma, llama, nomic = listed(server).models
    assert server.asked[2:] == [
        f"{SHOW} {name}" for name in ("gemma4:latest", "llama3.2:latest", "nomic-embed-text:latest")
    ]
    assert (gemma.context_window, gemma.max_context, gemma.loaded_context) == (2048, 131072, 0)
    assert gemma.capabilities == CHAT.replace(tools=True, images=True, thinking=True)
    assert (llama.context_window, llama.capabilities, llama.size) == (0, Capabilities(), 2019393189)
    assert (nomic.context_window, nomic.kind) == (2048, "embedding")


def test_an_empty_server_is_asked_once() -> None:
    """Neither an empty list nor null is an error."""
    for tags in (documented("tags-empty.json"), answer({"models": None})):
        server = Server(tags=tags)
        assert listed(server) == Listing((), 0)
        assert server.asked == [TAGS]


def test_a_server_that_only_knows_names_is_not_asked_again_and_again() -> None:
    """A mock without `/api/show` says so once; its models stay, and nothing is made up about them."""
    server = Server(tags=recorded("tags"), ps=recorded("ps"), show=recorded("show"))
    models = listed(server).models
    assert [model.name for model in models[:2]] == ["ok-model", "o3-think"]
    assert models[0] == ObservedModel(name="ok-model")
    assert server.asked == [TAGS, PS, f"{SHOW} ok-model"]


@pytest.mark.parametrize("kind", ["connect", "timeout", "auth", "rate_limit"])
def test_a_server_that_stops_answering_is_asked_no_more(kind: str) -> None:
    """What is known by then is the listing."""
    server = Server(tags=named("a", "b", "c"), ps=kind, show=[documented("show.json"), kind])
    models = listed(server).models
    assert [model.max_context for model in models] == [131072, 0, 0]
    assert server.asked == [TAGS, PS, f"{SHOW} a", f"{SHOW} b"]


def test_a_model_that_cannot_be_shown_does_not_keep_the_others_from_it() -> None:
    """A damaged or vanished model is that model's trouble, and so is nonsense about it."""
    broken = [answer({"error": "corrupt"}, 500), answer([]), answer({"error": "x"}), documented("show.json")]
    models = listed(Server(tags=named("a", "b", "c", "d"), show=broken)).models
    assert [model.max_context for model in models] == [0, 0, 0, 131072]


def test_at_most_500_models_are_asked_about() -> None:
    """The rest is listed by name."""
    server = Server(tags=named(*(f"m{i}" for i in range(MAX_SHOWS + 9))), show=documented("show.json"))
    models = listed(server).models
    assert (len(models), len(server.asked)) == (MAX_SHOWS + 9, 2 + MAX_SHOWS)
    assert [m.max_context for m in models[-10:]] == [131072] + [0] * 9


ABILITIES = [
    (["completion"], CHAT),
    (["tools"], CHAT.replace(tools=True)),
    (["completion", "insert", "vision", "thinking"], CHAT.replace(images=True, thinking=True)),
    (["completion", "embedding"], CHAT.replace(embeddings=True)),
    (["embedding"], CHAT.replace(chat=False, streaming=False, json=False, embeddings=True)),
    (["image"], CHAT.replace(chat=False, streaming=False, json=False)),
    (["news"], CHAT.replace(chat=None, streaming=None, json=None)),
    ([], Capabilities()),
    ([5, None], Capabilities()),
    ("completion", Capabilities()),
    (None, Capabilities()),
]


@pytest.mark.parametrize(("listing", "expected"), ABILITIES)
def test_abilities_are_what_the_server_lists(listing: object, expected: Capabilities) -> None:
    """Only a list says anything; what it leaves out is a no, and without one all is unknown."""
    model = only(Server(tags=named("a"), show=answer({"capabilities": listing})))
    assert expected == model.capabilities


def test_a_schema_is_not_promised_for_models_that_run_in_the_cloud() -> None:
    """The cloud takes a schema and does not keep to it, at its own address and through one's own server."""
    abilities = {"capabilities": ["completion"]}
    for url in ("https://ollama.com", "https://ollama.com/api", "https://www.ollama.com:443"):
        model = only(Server(tags=named("a"), show=answer(abilities)), TARGET.replace(url=url))
        assert (model.capabilities.json, model.remote) == (None, False)
    for place in ("remote_host", "remote_model"):
        model = only(Server(tags=named("a"), show=answer(abilities | {place: "x"})))
        assert (model.capabilities.json, model.remote) == (None, True)
    near = TARGET.replace(url="https://notollama.com")
    assert only(Server(tags=named("a"), show=answer(abilities)), near).capabilities.json is True


CONTEXTS = [
    ({"general.architecture": "b", "a.context_length": 10, "b.context_length": 20}, "", (20, 20)),
    ({"a.context_length": 10}, "", (10, 10)),
    ({"general.architecture": "b", "a.context_length": 10}, "", (10, 10)),
    ({"general.architecture": [], "a.context_length": "10"}, "", (0, 0)),
    ({"b.context_length": 20}, 'stop "<x>"\nnum_ctx                        8\ntop_k 1', (8, 20)),
    ({"b.context_length": 20}, "num_ctx eight", (20, 20)),
    ({"b.context_length": 20}, "my_num_ctx 8", (20, 20)),
    ({"b.context_length": 20}, ["num_ctx 8"], (20, 20)),
    ({}, "num_ctx 8", (8, 0)),
    (None, None, (0, 0)),
]


@pytest.mark.parametrize(("info", "parameters", "expected"), CONTEXTS)
def test_the_context_is_the_architectures_unless_the_modelfile_sets_one(
    info: object, parameters: object, expected: tuple[int, int]
) -> None:
    """Several parts of a model may name a context; a Modelfile's is how it is loaded."""
    more = answer({"model_info": info, "parameters": parameters})
    model = only(Server(tags=named("a"), show=more))
    assert expected == (model.context_window, model.max_context)


def test_names_are_usable_and_counted_once() -> None:
    """What cannot be named, or comes again, is skipped and counted."""
    server = Server(tags=named("a", "a", "", "b\x1b[31m", None, 5, ["c"], "x" * 513, "hf.co/u/m:Q4"))
    listing = listed(server)
    assert [model.name for model in listing.models] == ["a", "hf.co/u/m:Q4"]
    assert listing.skipped == 7
    assert only(Server(tags=answer({"models": [{"model": "b"}, 3]}))).name == "b"


FAILED = [
    (NOT_THERE, "wrong_format"),
    (answer({"error": "unauthorized"}, 401), "auth"),
    (answer({"error": "boom"}), "server"),
    (answer({}), "wrong_format"),
    (answer({"models": {}}), "wrong_format"),
    (answer([]), "wrong_format"),
    (Answer(status=200, headers={}, body=b"<html>"), "wrong_format"),
    (Answer(status=200, headers={}, body=b'{"models": [{"na'), "wrong_format"),
    ("connect", "connect"),
]


@pytest.mark.parametrize(("tags", "kind"), FAILED)
def test_a_server_without_tags_has_no_listing(tags: Answer | str, kind: str) -> None:
    """No page, no error and no torn answer passes for an empty server."""
    with pytest.raises(UpstreamError) as raised:
        listed(Server(tags=tags))
    assert kind == raised.value.failure.kind


def test_a_listing_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is at the limit (100,000) is listed, one more is not."""
    monkeypatch.setattr(collect, "MAX_MODELS", 1000)
    models = [{"name": f"m{i}"} for i in range(1000)]
    assert len(listed(Server(tags=answer({"models": models}))).models) == 1000
    with pytest.raises(UpstreamError, match="more than 1,000 models"):
        listed(Server(tags=answer({"models": [*models, {"name": "m"}]})))


FIELDS = (
    "models name model details family families context_length parameter_size capabilities model_info error "
    "parameters general.architecture remote_host size digest quantization_level"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=5)
    ),
    max_leaves=25,
)
MODELS = st.fixed_dictionaries({"models": st.lists(st.fixed_dictionaries({"name": st.just("a")}) | JSON)})


@given(MODELS | JSON, JSON, JSON)
def test_no_listing_is_too_odd_to_read(tags: object, ps: object, show: object) -> None:
    """Junk is skipped or refused; what is listed has the types of a model."""
    listing, ended = Listing((), 0), "cancelled"
    try:
        listing = listed(Server(tags=answer(tags), ps=answer(ps), show=answer(show)))
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
    for model in listing.models:
        texts = (model.name, model.kind, model.family, *model.families, model.parameter_size, model.digest)
        assert all(isinstance(value, str) for value in (*texts, model.quantization))
        counts = (model.context_window, model.max_context, model.loaded_context, model.size)
        assert all(type(value) is int and value >= 0 for value in counts)
        assert isinstance(model.remote, bool)
