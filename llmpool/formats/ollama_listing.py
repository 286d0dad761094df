"""Asks an Ollama server what it has: `/api/tags`, what is loaded, and `/api/show` where tags tell too little.

How large a context is has three answers. `max_context` is what the model was trained for; `loaded_context`
is the window it has in memory now, and the real one while it is there; `context_window` is that, else what
its Modelfile sets as `num_ctx`, else the maximum. A server loads a model with a smaller window than it could
have (4,096 tokens where there is little memory), unless a request asks for more: see `Target.context_window`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.answer import good
from llmpool.formats.base import (
    Listing,
    count,
    get,
    join_url,
    mapping,
    post,
    usable_name,
    with_key,
    word,
    words,
)
from llmpool.formats.collect import check_size, lines_in
from llmpool.formats.ollama_answer import failure_in, read_error

MAX_SHOWS = 500
CLOUD = re.compile(r"https?://([\w-]+\.)*ollama\.com(:\d+)?(/|\?|$)", re.IGNORECASE)
# What is about one model; after any other failure the next model is not asked for either.
OF_ONE_MODEL = ("model_not_found", "bad_request", "server")
NO_CHAT_KINDS = ("embedding", "image", "audio")
_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d{1,9})\s*$", re.MULTILINE)


def list_models(target: Target, root: str) -> Generator[Call, Answer, Listing]:
    """List `/api/tags`; what `/api/ps` and `/api/show` cannot tell stays unknown and fails nothing."""
    headers = with_key(target)
    lines = _lines(_good((yield get(target, join_url(root, "/api/tags"), headers))))
    usable = _named(lines)
    loaded = yield from _loaded(get(target, join_url(root, "/api/ps"), headers)) if usable else _nothing()
    url = join_url(root, "/api/show")
    details = yield from _details(usable, lambda name: post(target, url, headers, {"model": name}))
    cloud = bool(CLOUD.match(root))
    models = (
        _observed(name, fields, details.get(name, {}), loaded.get(name, {}), cloud)
        for name, fields in usable.items()
    )
    return Listing(tuple(models), len(lines) - len(usable))


def _good(answer: Answer) -> Any:
    return good(answer, read_error, failure_in)


def _lines(payload: object) -> list[Any]:
    """Return the lines of a listing; a server without models may say null."""
    fields = mapping(payload)
    lines = [] if fields.get("models", ...) is None else lines_in(fields, "models")
    check_size(len(lines))
    return lines


def _named(lines: list[Any]) -> dict[str, dict[str, Any]]:
    """Return the usable lines by name, the first of each."""
    named: dict[str, dict[str, Any]] = {}
    for line in lines:
        fields = mapping(line)
        name = fields.get("name") or fields.get("model")
        if isinstance(name, str) and usable_name(name):
            named.setdefault(name, fields)
    return named


def _nothing() -> Generator[Call, Answer, dict[str, dict[str, Any]]]:
    yield from ()
    return {}


def _loaded(call: Call) -> Generator[Call, Answer, dict[str, dict[str, Any]]]:
    """Ask what is in memory; that nobody answers is no failure."""
    try:
        return _named(_lines(_good((yield call))))
    except UpstreamError:
        return {}


def _details(
    usable: dict[str, dict[str, Any]], call_for: Callable[[str], Call]
) -> Generator[Call, Answer, dict[str, dict[str, Any]]]:
    """Ask for the details of the models whose line has too few, 500 at most."""
    details: dict[str, dict[str, Any]] = {}
    sparse = [name for name, fields in usable.items() if not _is_full(fields)]
    for name in sparse[:MAX_SHOWS]:
        try:
            details[name] = mapping(_good((yield call_for(name))))
        except UpstreamError as error:
            if error.failure.kind not in OF_ONE_MODEL:
                break
    return details


def _is_full(fields: dict[str, Any]) -> bool:
    """Whether a line says what `/api/show` would, as the newest servers' lines do."""
    return bool(_listed(fields)) and count(mapping(fields.get("details")).get("context_length")) > 0


def _observed(
    name: str, fields: dict[str, Any], more: dict[str, Any], loaded: dict[str, Any], cloud: bool
) -> ObservedModel:
    facts = mapping(more.get("details")) | mapping(fields.get("details"))
    maximum = count(facts.get("context_length")) or _trained(mapping(more.get("model_info")))
    window = count(loaded.get("context_length"))
    remote = any(
        bool(source.get(key)) for source in (fields, more) for key in ("remote_host", "remote_model")
    )
    can = capabilities(_listed(fields) or _listed(more), elsewhere=remote or cloud)
    return ObservedModel(
        name=name,
        kind="llm" if can.chat else "embedding" if can.embeddings else "",
        family=word(facts.get("family")),
        families=_in_order(facts.get("families")),
        parameter_size=word(facts.get("parameter_size")),
        quantization=word(facts.get("quantization_level")),
        state="loaded" if loaded else "",
        capabilities=can,
        context_window=window or _num_ctx(more) or maximum or 0,
        max_context=maximum,
        loaded_context=window,
        size=count(fields.get("size")),
        digest=word(fields.get("digest")),
        remote=remote,
    )


def capabilities(listed: frozenset[str], *, elsewhere: bool) -> Capabilities:
    """Translate the server's list. A schema is kept to by every model it runs itself, not by its cloud."""
    if not listed:
        return Capabilities()
    chat = True if listed & {"completion", "tools"} else False if listed.intersection(NO_CHAT_KINDS) else None
    return Capabilities(
        chat=chat,
        streaming=chat,
        tools="tools" in listed,
        images="vision" in listed,
        thinking="thinking" in listed,
        json=None if chat and elsewhere else chat,
        embeddings="embedding" in listed,
    )


def _listed(fields: dict[str, Any]) -> frozenset[str]:
    return words(fields.get("capabilities"))


def _trained(info: dict[str, Any]) -> int:
    """Return the context a model was trained for: its architecture's, for a projector may name one too."""
    own = count(info.get(f"{info.get('general.architecture')}.context_length"))
    return own or next((count(v) for k, v in info.items() if k.endswith(".context_length") and count(v)), 0)


def _num_ctx(more: dict[str, Any]) -> int:
    parameters = more.get("parameters")
    found = _NUM_CTX.search(parameters) if isinstance(parameters, str) else None
    return int(found[1]) if found else 0


def _in_order(value: object) -> tuple[str, ...]:
    return tuple(word(v) for v in value if isinstance(v, str) and v) if isinstance(value, list) else ()
