"""A server that repeats the key it was sent, spelt in any way a gateway or a log spells it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from llmpool.net.blot import Blot
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.planted import planted, shown_in
from tests.support import Home, provider

KEYS = (planted("plain"), 'sk-pl/anted+0123"456=789&<x>', "aaaaaaaaaaaaaaaaaaaaaaaaaa", "0123456789abcdef")


def b64(text: str, safe: bool = False) -> str:
    """Pack a text as headers are packed."""
    return (base64.urlsafe_b64encode if safe else base64.b64encode)(text.encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: f"bad key {key}!",
    "behind its scheme": lambda key: f"Authorization: Bearer {key}",
    "in JSON": lambda key: json.dumps({"error": {"message": f"bad {key}"}}),
    "in JSON in JSON": lambda key: json.dumps({"error": json.dumps({"m": json.dumps(key)})}),
    "in a URL": lambda key: f"https://h/?key={quote(key, safe='')}",
    "in a form": lambda key: f"key={quote_plus(key)}",
    "in a page": lambda key: f"<p>bad key {html.escape(key)}</p>",
    "in a page by numbers": lambda key: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in key),
    "in hex": lambda key: key.encode().hex(),
    "in HEX": lambda key: key.encode().hex().upper(),
    "in base64": b64,
    "in base64 behind its scheme": lambda key: b64(f"Bearer {key}"),
    "in base64 behind a name": lambda key: b64(f"x:{key}"),
    "in base64 in the middle": lambda key: b64(f"user:{key}:more"),
    "in base64 for URLs": lambda key: b64(f"k={key}", safe=True).rstrip("="),
    "twice": lambda key: key + key,
    "cut off": lambda key: f"the key was {key[:-1]}",
}


def left_of(key: str, text: str) -> bool:
    """Whether eight characters of a key in a row are in a text, as they are, or in hex or base64."""
    pieces = [key[start : start + 8] for start in range(len(key) - 7)]
    packed = [b64("-" * shift + key)[3 * bool(shift) + 1 :][:14] for shift in range(3)]
    return any(each in text for each in [*pieces, *packed]) or key[4:].encode().hex() in text.lower()


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("key", KEYS, ids=["plain", "with marks", "all alike", "like hex"])
def test_however_a_whole_answer_spells_the_key_it_is_blotted_out(
    key: str, spelt: Callable[[str], str]
) -> None:
    """Nothing of it is left, and what stands around it is."""
    blot = Blot([("authorization", f"Bearer {key}"), ("accept", "application/json")])
    said = blot.body(f"around {spelt(key)}".encode()).decode()
    assert said.startswith("around ")
    assert "***" in said
    assert not left_of(key, said), said


def test_what_only_resembles_a_key_stays() -> None:
    """Packed texts of others are none of ours."""
    text = f"{b64('nothing to hide, and long enough')} {b'0123456789'.hex()} sk-other-key-of-somebody"
    assert Blot([("authorization", f"Bearer {KEYS[0]}")]).body(text.encode()).decode() == text


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500, 503])
def test_no_command_shows_or_keeps_a_key_that_an_error_packs(home: Home, status: int) -> None:
    """From the wire to every stream and file: usage, decisions, health, inventory and sessions."""
    key = planted("echoed")
    body = " ".join(spell(key) for name, spell in SPELLINGS.items() if name != "cut off")
    wrong = [faults.status(status, body={"error": {"message": body, "code": b64(key)}})] * 9
    with FakeServer(["m"], behave=wrong, behave_listing=[*wrong]) as sky:
        home.write_config("[routing]\nmax_retries = 0", provider("sky", sky.url, key={"env": "K"}))
        home.env["K"] = key
        lines = ("refresh", "chat --no-stdin --max-wait 0 --session s -m sky/m --force hi", "providers list",
                 "providers show sky", "usage list", "route --last", "doctor --offline")  # fmt: skip
        for line in lines:
            told = home.here(*line.split(), "--traceback")
            assert shown_in((told.out + told.err).encode(), [key]) == [], line
        assert any(f"Bearer {key}" == request.headers.get("authorization") for request in sky.requests)
    kept = [path for path in home.dir.rglob("*") if path.is_file() and shown_in(path.read_bytes(), [key])]
    assert kept == []


DEBUG = {
    "PYTHONDEVMODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONVERBOSE": "1",
    "PYTHONASYNCIODEBUG": "1",
    "HTTPX_LOG_LEVEL": "trace",
    "HTTPCORE_LOG_LEVEL": "trace",
    "LLMPOOL_DEBUG": "1",
    "LLMPOOL_TRACEBACK": "1",
}


@pytest.mark.slow
def test_no_debug_switch_shows_a_key(home: Home) -> None:
    """All of Python's and of the libraries' at once, while a call fails with a trace of it."""
    key = planted("debugged")
    with FakeServer(["m"], behave=[faults.reset()] * 9) as sky:
        home.write_config("[routing]\nmax_retries = 0", provider("sky", sky.url, key={"env": "K"}))
        asked = ("chat", "--no-stdin", "--max-wait", "0", "--traceback", "-m", "sky/m", "--force", "hi")
        told = home.pool(*asked, env=DEBUG | {"K": key})
        assert told.code == 7, told
        assert any(f"Bearer {key}" == request.headers.get("authorization") for request in sky.requests)
    assert shown_in((told.out + told.err).encode(), [key]) == []


def test_a_crash_with_a_trace_shows_no_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the middle of printing: lines of code are shown, and no value of any variable."""
    import traceback

    from llmpool.cli.screen import Screen

    key = planted("crashed")

    def burst(*_: object) -> None:
        raise RuntimeError("in the middle")

    with FakeServer(["m"]) as sky:
        home.write_config(provider("sky", sky.url, key={"env": "K"}))
        home.env["K"] = key
        home.here("refresh")
        monkeypatch.setattr(Screen, "show", burst)
        told = home.here("chat", "--no-stdin", "-m", "sky/m", "hi")
        assert (told.code, "llmpool has a bug: RuntimeError" in told.err) == (1, True)
        with pytest.raises(RuntimeError) as raised:
            home.here("chat", "--no-stdin", "--traceback", "-m", "sky/m", "hi")
    trace = "".join(traceback.format_exception(raised.value))
    assert shown_in((told.out + told.err + trace).encode(), [key]) == []
