"""What servers say beside an answer: headers, limits in words, what is in memory, how far a pull is."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import cache, partial

from llmpool.formats import errors, headroom, pulling_lmstudio, pulling_ollama, refused, windows_told
from llmpool.formats.loading import LOADING, InMemory, Wish, loading
from llmpool.formats.pulling import MOST_BYTES, Moved
from llmpool.net.frames import LineFrames
from llmpool.state import limits
from llmpool.usage import rates
from tests.fuzz import bytewise, kept_answers
from tests.fuzz.promise import Target, fit, kept, refused_or_read, sound, sound_failure
from tests.fuzz.wire_targets import NOW, PLACE, answer, driven, sound_cooling

OVER = {"message": "request (9000 tokens) exceeds the context size", "n_prompt_tokens": 9000, "n_ctx": 8192}
WINDOWS = {"x-ratelimit-limit": "20", "x-ratelimit-reset": "1800000060000"}
WORDS = [
    b"maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages)",
    json.dumps({"error": {"code": 400, "type": "exceed_context_size_error", **OVER}}).encode(),
    b"input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000, decrease it",
    json.dumps({"error": {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}}).encode(),
    json.dumps({"error": {"code": 429, "metadata": {"headers": WINDOWS}}}).encode(),
]


HEADERS = (
    *(
        "retry-after",
        "retry-after-ms",
        "date",
        "x-should-retry",
        "content-type",
        "ratelimit",
        "ratelimit-policy",
    ),
    *("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    *(
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
        "x-ratelimit-reset",
    ),
    *("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-input-tokens-remaining", "ratelimit-reset"),
    *(
        "x-ratelimit-limit-tokens-minute",
        "x-ratelimit-remaining-10-second",
        "x-tokenlimit-reset",
        "ratelimit-limit",
    ),
)
VALUES = (
    *(
        "5",
        "0",
        "-1",
        "1.5",
        "1e999",
        "nan",
        "inf",
        "9" * 400,
        "6m0s",
        "1h2m3s",
        "100ms",
        "1d",
        "99999d",
        "10, 10;w=60",
    ),
    *(
        "Wed, 21 Oct 2026 07:28:00 GMT",
        "2026-11-21T03:44:00Z",
        "9999-12-31T23:59:59Z",
        "1800000060",
        "1800000060000",
    ),
    *(
        '"default";r=50;t=30',
        "limit=10, remaining=5, reset=3",
        "",
        " ",
        "\u0661",
        "\u00b2",
        "1_000",
        "true",
        "x" * 5000,
    ),
    *(
        "Wed, 21 Oct 99999 07:28:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -9999",
        "0001-01-01T00:00:00+23:59",
        "1800000060.5",
    ),
)


@cache
def header_seeds() -> list[bytes]:
    """Write some sets of headers, one a line."""
    source = random.Random(7)
    return [
        "\n".join(f"{name}: {source.choice(VALUES)}" for name in source.sample(HEADERS, 8)).encode()
        for _ in range(60)
    ]


def read_headers(content: bytes) -> None:
    """Read what headers say of limits and of waiting, and keep it as a run does."""
    pairs = (line.partition(":") for line in content.decode("utf-8", "replace").split("\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    found = headroom.read_headroom(headers, NOW)
    for entry in found:
        sound(entry)
    seen = {"p": {"k": limits.Seen(NOW, found)}}
    held = limits._limits(json.loads(kept(limits._as_data(seen, NOW))))
    assert not found or set(held["p"]["k"].entries) <= set(found) if held else True
    for told in rates.told_of(found, NOW):
        assert 0 <= told.until < 1e11, told
    for status in (429, 503, 402):
        failure = errors.read_error(answer(b'{"error": {"message": "slow down"}}', status, headers))
        sound_failure(failure)
        sound_cooling(failure)


def read_words(content: bytes) -> None:
    """Read windows, limits and refused parameters out of the body of an error."""
    text = content.decode("utf-8", "replace")
    told = windows_told.told(text)
    assert all(0 <= each <= 2 * windows_told.MOST for each in told), told
    failure = errors.read_error(answer(content, 400))
    sound_failure(windows_told.with_figures(failure.replace(kind="context_length"), content))
    assert isinstance(refused.refused(failure, frozenset(refused.NAMES)), str)
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return
    for entry in headroom.headroom_in(payload, NOW):
        sound(entry)


def read_loading(wire: str, content: bytes) -> None:
    """Load, look, unload and list, every question answered alike."""
    way = loading(wire)
    assert way is not None
    for flow in (
        way.in_memory,
        partial(way.load, wish=Wish("m", 8192, 60.0)),
        partial(way.look, model="m"),
        partial(way.unload, model="m", instance="i"),
    ):
        with refused_or_read():
            found = driven(flow(PLACE), [answer(content)])
            for each in found if isinstance(found, tuple) and not isinstance(found, InMemory) else [found]:
                if each is not None:
                    for text in (each.name, each.state, each.instance, each.until):
                        fit(text)
                    assert 0 <= each.context < 1 << 63, each
                    assert 0 <= each.size < 1 << 63, each
                    kept(list(each))


def sound_move(moved: Moved) -> None:
    """Hold that progress can be shown."""
    fit(moved.status)
    fit(moved.handle)
    assert 0 <= moved.done <= (moved.total or MOST_BYTES) <= MOST_BYTES, moved


def read_pull(content: bytes) -> None:
    """Read the progress of a pull, both ways."""
    parser = LineFrames()
    with refused_or_read():
        frames = [*parser.feed(content), *parser.end()]
        for moved in pulling_ollama.read_progress(frames):
            sound_move(moved)
    with refused_or_read():
        sound_move(pulling_lmstudio.read_status(answer(content)))
    with refused_or_read():
        pulling_ollama.read_removed(answer(content, 404))


def _every(wires: Mapping[str, str]) -> list[bytes]:
    return [body for wire in wires for body in kept_answers.documents(wire)]


def _pulls() -> list[bytes]:
    return [*kept_answers.streams("ollama"), *kept_answers.documents("lmstudio")]


TARGETS = [
    Target("parse-headers", header_seeds, bytewise.text_lines, read_headers),
    Target("parse-words", lambda: WORDS, bytewise.json_document, read_words),
    Target("parse-pull", _pulls, bytewise.json_lines, read_pull),
    *(
        Target(
            f"parse-loading-{wire}",
            partial(_every, LOADING),
            bytewise.json_document,
            partial(read_loading, wire),
        )
        for wire in LOADING
    ),
]
