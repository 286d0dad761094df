"""Find out what an address speaks, by asking it (pool-routing-formats 7).

Differences from the source, which took nearly any answer for a protocol:
- Ollama and LM Studio are recognised by their own listings, before a prompt is sent that may load a model.
- An answer 200 that is a page, or says that there is no such endpoint, is none; a 404 that speaks of the
  model is one.
- A server that answers alike wherever it is asked (a login ahead of everything, a page for every path) tells
  nothing, nor does a format all of whose paths refuse the key while another format's do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.discovery.detect_calls import (
    CANDIDATES,
    CODEX_PATH,
    MODELS,
    NATIVE_ROOTS,
    Candidate,
    call,
    joined,
    look,
)
from llmpool.formats.base import mapping, parse_json
from llmpool.formats.errors import ENDPOINT, MODEL, is_responses_only
from llmpool.formats.families import host
from llmpool.formats.urls import root_of
from llmpool.net.client import Client

MOST_READ = 4096  # characters of an answer that are looked at for words
SIDE_BY_SIDE = 12
UNSURE = "openai"  # what most servers speak, and what is spoken where nothing is known
CODEX_HOSTS = ("chatgpt.com", "chat.openai.com", "openai.com")
_SILENT = ("connect", "timeout", "cancelled")
_PROMPTS = sum(len(candidate.paths) for candidate in CANDIDATES if candidate.method == "POST")
_NO_FEATURE = re.compile(
    "unknown field|unrecognized field|unsupported field|does not support tools|invalid image", re.IGNORECASE
)


class Seen(NamedTuple):
    """What one probe came to: an answer, or why there was none; *text* is the beginning of its body."""

    answer: Answer | None = None
    failure: Failure | None = None

    @property
    def status(self) -> int:
        """The HTTP status, 0 when nothing usable came."""
        return self.answer.status if self.answer else 0

    @property
    def text(self) -> str:
        """The beginning of the body."""
        return self.answer.body[:MOST_READ].decode("utf-8", "replace") if self.answer else ""

    @property
    def good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class Detected(NamedTuple):
    """What an address speaks. *url* is where to ask instead, empty for where it was asked.

    *scores* are of the formats that answered, empty where nothing told them apart: then *format* is a guess.
    *failure* says why nobody was there at all.
    """

    format: str
    url: str = ""
    scores: tuple[tuple[str, int], ...] = ()
    failure: Failure | None = None


def detect(client: Client, target: Target) -> Detected:
    """Ask at *target* what is spoken there, in every protocol side by side; 4 seconds a question.

    The first half of the work is reading listings; prompts of one token are sent only when those told
    nothing. No failure is raised.
    """
    native = _native(client, target)
    if isinstance(native, Failure):
        return Detected(UNSURE, failure=native)
    if native:
        return Detected(native)
    paths = [(candidate, path) for candidate in CANDIDATES for path in candidate.paths]
    seen = look_at_all(client, [call(target, candidate, path) for candidate, path in paths])
    hits = [(c, path, each) for (c, path), each in zip(paths, seen, strict=True) if exists(c.format, each)]
    if not hits or len([c for c, _, _ in hits if c.method == "POST"]) == _PROMPTS:
        return Detected(UNSURE)
    exist = _existing(hits)
    scores = _scores(client, target, exist)
    best = max(scores, key=lambda name: scores[name])  # the first of equals
    proposed = _codex_url(target.url, exist) if best == "responses" else ""
    return Detected(best, proposed, tuple(scores.items()))


def look_at_all(client: Client, calls: list[Call]) -> list[Seen]:
    """Send *calls* side by side, equal ones once; whatever goes wrong with one is its own result."""
    from concurrent.futures import ThreadPoolExecutor

    once = list(dict.fromkeys(calls))
    threads = ThreadPoolExecutor(max_workers=max(1, min(SIDE_BY_SIDE, len(once))))
    try:
        seen = dict(zip(once, threads.map(lambda each: look_at(client, each), once), strict=True))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait for the slow ones
    return [seen[each] for each in calls]


def look_at(client: Client, one: Call) -> Seen:
    """Send one call; a redirect or an answer without end is none."""
    try:
        return Seen(answer=client.send(one))
    except UpstreamError as error:
        return Seen(failure=error.failure)


def exists(name: str, seen: Seen) -> bool:
    """Say whether an answer shows that the path is one of the format *name*."""
    if seen.status in (0, 404, 410):
        return seen.status == 404 and _is_about_the_model(name, seen.text)
    if name == "openai" and is_responses_only(seen.status, seen.text):
        return False
    if is_page(seen.text) and (seen.good or name == "responses"):
        return False
    return not (seen.good and '"error"' in seen.text and re.search(ENDPOINT, seen.text.lower()))


def is_page(text: str) -> bool:
    """Say whether *text* is a page for people."""
    words = text.lstrip().lower()
    return words.startswith(("<!doctype html", "<html")) or "<head" in words or "<body" in words


def supported(name: str, seen: Seen) -> bool:
    """Say whether an answer to a feature probe shows that the feature is known."""
    if not exists(name, seen):
        return False
    return seen.good or (seen.status in (400, 401, 403, 405) and not _NO_FEATURE.search(seen.text))


def _is_about_the_model(name: str, text: str) -> bool:
    """Say whether a 404 means the model rather than the path; a path that is repeated names no model."""
    return name in MODELS and (MODELS[name] in text or bool(re.search(MODEL, text.lower())))


def _existing(hits: list[tuple[Candidate, str, Seen]]) -> dict[Candidate, list[str]]:
    """Gather the paths that exist, by format; those that only refuse the key count when all others do too."""
    entered = {c for c, _, seen in hits if seen.status not in (401, 403)}
    exist: dict[Candidate, list[str]] = {}
    for candidate, path, _ in hits:
        if not entered or candidate in entered:
            exist.setdefault(candidate, []).append(path)
    return exist


def _scores(client: Client, target: Target, exist: dict[Candidate, list[str]]) -> dict[str, int]:
    """Score each format: 10 for a path, 2 for each further one, 4 for tools, 3 for images."""
    asked = [(c, kind, path) for c, paths in exist.items() for kind in ("tool", "image") for path in paths]
    seen = look_at_all(client, [call(target, c, path, kind) for c, kind, path in asked])
    knows = {
        (c, kind) for (c, kind, _), answer in zip(asked, seen, strict=True) if supported(c.format, answer)
    }
    return {
        c.format: 10 + 2 * (len(paths) - 1) + 4 * ((c, "tool") in knows) + 3 * ((c, "image") in knows)
        for c, paths in exist.items()
    }


def _codex_url(url: str, exist: dict[Candidate, list[str]]) -> str:
    """Return the whole endpoint where only the vendor's own path answers, else the URL as it was."""
    first = next(paths[0] for candidate, paths in exist.items() if candidate.format == "responses")
    if first == CODEX_PATH and host(url) in CODEX_HOSTS:
        return joined(url, CODEX_PATH)
    return url.rstrip("/")


def _native(client: Client, target: Target) -> str | Failure:
    """Recognise a server by its own listing, or say why nobody is there."""
    signs = [(name, look(target, root + path)) for root in _roots(target.url) for name, path in _SIGNS]
    seen = look_at_all(client, [sign for _, sign in signs])
    failures = [each.failure for each in seen if each.failure]
    if len(failures) == len(seen) and all(failure.kind in _SILENT for failure in failures):
        return failures[0]
    found = (name for (name, _), each in zip(signs, seen, strict=True) if each.good and _SHAPES[name](each))
    return next(found, "")


def _roots(url: str) -> tuple[str, ...]:
    """List where a server's own listing may hang; `/api` at the end of *url* may be part of that, or not."""
    root = root_of(url)
    return tuple(dict.fromkeys((root, *(own(root) for own in NATIVE_ROOTS.values()))))


def _is_ollama(seen: Seen) -> bool:
    """Recognise `/api/tags`; llama.cpp answers that too, with an OpenAI listing in the same object."""
    fields = mapping(_payload(seen))
    lines = fields.get("models")
    if "data" in fields or "models" not in fields or not isinstance(lines, list | None):
        return False
    return all("name" in mapping(line) for line in lines or ())


def _is_lmstudio(seen: Seen) -> bool:
    """Recognise either version of LM Studio's listing by what only it says of a model."""
    fields = mapping(_payload(seen))
    if isinstance(fields.get("models"), list):
        return all({"key", "type"} <= mapping(line).keys() for line in fields["models"])
    return _any_line(fields.get("data"), {"type", "state", "compatibility_type"})


def _any_line(lines: object, marks: Iterable[str]) -> bool:
    return isinstance(lines, list) and any(set(marks) <= mapping(line).keys() for line in lines)


def _payload(seen: Seen) -> object:
    try:
        return parse_json(seen.answer.body.decode("utf-8", "replace")) if seen.answer else None
    except UpstreamError:
        return None


_SIGNS = (("ollama", "/api/tags"), ("lmstudio", "/api/v1/models"), ("lmstudio", "/api/v0/models"))
_SHAPES = {"ollama": _is_ollama, "lmstudio": _is_lmstudio}
