"""What stands in the way of an answer is gone around: addresses, keys, paths, windows; or it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, closed_port, model, provider

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def nowhere() -> str:
    """Name an address where nobody is."""
    return f"http://127.0.0.1:{closed_port()}/v1"


def test_an_alternate_that_is_not_there_is_passed_over(home: Home) -> None:
    """pool-routing-formats 9.1: the others are still tried, in refresh as in chat."""
    with FakeServer(key="x") as first, FakeServer(key=PLANTED_KEY) as good:
        others = [nowhere(), good.url]
        home.write_config(provider("a", first.url, key={"env": "K"}, alternate_urls=others), model("a/m"))
        assert home.here("refresh", env={"K": PLANTED_KEY}).code == 0
        assert home.here("chat", "hi", env={"K": PLANTED_KEY}).code == 0
        assert len(good.chats) == 1


def test_a_refused_key_stays_the_error_behind_dead_alternates(home: Home) -> None:
    """Exit 5 in the words of the configured address, not those of one that is not there."""
    with FakeServer(key="x") as first:
        home.write_config(
            provider("a", first.url, key={"env": "K"}, alternate_urls=[nowhere()]), model("a/m")
        )
        assert home.here("chat", "hi", env={"K": PLANTED_KEY}).code == 5


def test_a_learnt_address_that_died_gives_way_to_the_configured_one(home: Home) -> None:
    """What was learnt never outlives its use; the configured address is asked again, and kept."""
    with FakeServer(key=PLANTED_KEY) as first:
        with FakeServer(key=PLANTED_KEY) as second:
            home.write_config(
                provider("a", first.url, key={"env": "K"}, alternate_urls=[second.url]), model("a/m")
            )
            first.key = "other"
            assert home.here("chat", "hi", env={"K": PLANTED_KEY}).code == 0
            first.key = PLANTED_KEY
        assert home.here("chat", "hi", env={"K": PLANTED_KEY}).code == 0
        assert home.here("refresh", env={"K": PLANTED_KEY}).code == 0


def test_a_key_that_cannot_be_read_does_not_hide_the_next(home: Home, server: FakeServer) -> None:
    """Refresh and verify go on to a key they can read, as chat does."""
    keys = [{"label": "x", "env": "X"}, {"label": "y", "env": "Y"}]
    home.write_config(provider("a", server.url, keys=keys))
    env = {"Y": PLANTED_KEY}
    assert home.here("refresh", "--json", env=env).json["providers"][0]["models"] == 1
    assert home.here("providers", "verify", "a", env=env).code == 0


def test_a_key_that_cannot_be_used_fails_a_refresh(home: Home, server: FakeServer) -> None:
    """A missing key is reported, a broken one is a failure: cron must notice (ruling 7)."""
    home.write_config(provider("a", server.url, key={"env": "K"}))
    assert home.here("refresh", "a").code == 0
    assert home.here("refresh", "a", env={"K": "sk-two\nlines-0123456789"}).code == 9


def test_a_server_without_a_version_in_its_paths_is_found(home: Home) -> None:
    """`/chat/completions` right under the address works too, and is remembered."""

    def answer(exchange: Exchange) -> None:
        faults.ok("bare")(exchange)

    with FakeServer(speaks=("openai",), routes={"/chat/completions": answer}) as server:
        gone = faults.always(faults.status(404, body={"error": "no such path"}))
        server.behave(lambda n, request: gone(n, request) if "/v1/" in request.path else None)
        home.write_config(provider("a", server.root, format=None), model("a/m"))
        assert home.here("chat", "hi").out.strip() == "bare"
        seen = len(server.requests)
        assert home.here("chat", "hi").out.strip() == "bare"
        assert len(server.requests) == seen + 1


def test_a_declared_window_is_what_ollama_loads(home: Home) -> None:
    """Ollama's window is the caller's to say; without a word it loads a model with little."""
    with FakeServer(speaks=("ollama",)) as server:
        den = f'[providers.den]\npreset = "ollama"\nurl = "{server.root}"\n'
        home.write_config(den, model("den/m", context_window=32768))
        assert home.here("chat", "hi").code == 0
        assert server.chats[-1].json["options"]["num_ctx"] == 32768
        home.write_config(den, model("den/m"))
        assert home.here("chat", "hi").code == 0
        assert "num_ctx" not in server.chats[-1].json.get("options", {})
        assert home.here("chat", "--context-size", "1", "word " * 6000).code == 0
        assert server.chats[-1].json["options"]["num_ctx"] == 16384


def test_a_model_of_short_answers_is_not_asked_for_long_ones(home: Home) -> None:
    """Anthropic's protocol insists on a limit; more than a model can give is refused by the vendor."""
    models = [{"id": "m", "max_tokens": 4096}]
    with FakeServer(models=models, speaks=("anthropic",)) as server:
        home.write_config(provider("a", server.root, format="anthropic"))
        assert home.here("refresh").code == 0
        assert home.here("chat", "hi").code == 0
        assert server.chats[-1].json["max_tokens"] == 4096


@pytest.mark.parametrize("code", [408, 409])
def test_a_request_that_was_too_late_is_sent_again(home: Home, code: int) -> None:
    """failover-cooldown 8: as the vendors' own clients do."""
    with FakeServer(behave=[faults.status(code)]) as server:
        home.write_config(provider("a", server.url), model("a/m"))
        assert home.here("chat", "hi").code == 0
        assert len(server.chats) == 2


def test_a_server_that_lists_nothing_can_be_added(home: Home) -> None:
    """What it speaks is found by asking; the config says so."""
    with FakeServer(speaks=("responses",), behave_listing=faults.always(faults.status(404))) as server:
        home.here("providers", "add", server.root)
        assert 'format = "responses"' in home.config.read_text()


def test_one_refused_connection_is_enough_for_a_server(home: Home, server: FakeServer) -> None:
    """Its other models are not there either; the next provider is asked."""
    home.write_config(
        provider("a", nowhere()),
        provider("b", server.url),
        *(model(f"a/{name}", quality=10) for name in ("m1", "m2", "m3")),
        model("b/m", quality=1),
    )
    answered = home.here("chat", "--json", "hi").json
    assert answered["served_by"] == "b/m"
    assert [attempt["deployment"][:2] for attempt in answered["attempts"]] == ["a/", "b/"]


def test_a_picture_behind_a_redirect_is_fetched_once(home: Home) -> None:
    """No key goes along, so redirects are followed; a dead address costs nobody an attempt."""

    def image(exchange: Any) -> None:
        exchange.send(200, PNG, kind="image/png")

    with FakeServer(models=("llava", "llava:2"), routes={"/p.png": image}) as server:
        server.routes["/moved"] = faults.redirect(f"{server.root}/p.png")
        home.write_config(provider("a", server.url), model("a/llava"), model("a/llava:2"))
        assert home.here("chat", "--session", "s", "-a", f"{server.root}/moved", "?").code == 0
        assert home.here("chat", "--session", "s", "-c", "and now?").code == 0
        assert [request.path for request in server.requests].count("/p.png") == 1
        assert "[picture]" in home.here("chat", "--show", "s").out
        chats = len(server.chats)
        assert home.here("chat", "-a", f"{nowhere()}/x.png", "?").code == 2
        assert len(server.chats) == chats
        assert json.loads((home.state / "health.json").read_text())["data"]["cooldowns"] == {}


@pytest.mark.parametrize("url", ["data:image/png;base64,@@@", "data:image/svg+xml,<svg/>"])
def test_a_picture_in_an_address_is_checked(home: Home, server: FakeServer, url: str) -> None:
    """What no model takes is a usage error here, not an obscure one there."""
    home.write_config(provider("a", server.url), model("a/llava"))
    assert home.here("chat", "-a", url, "?").code == 2
    assert not server.requests


def test_an_answer_that_is_no_json_is_said(home: Home, server: FakeServer, tmp_path: Path) -> None:
    """A server may ignore a schema; a script must not believe it."""
    schema = tmp_path / "s.json"
    schema.write_text('{"type": "object"}')
    home.write_config(provider("a", server.url), model("a/m"))
    assert "no JSON" in home.here("chat", "--schema", str(schema), "x").err


def test_an_answer_in_another_character_set_is_read(home: Home) -> None:
    """The server says which; what can be read as UTF-8 is that, whatever it says."""

    def latin(exchange: Any) -> None:
        body = json.dumps({"choices": [{"message": {"content": "Grüße"}}]}, ensure_ascii=False)
        exchange.send(200, body.encode("latin-1"), kind="application/json; charset=iso-8859-1")

    with FakeServer(behave=[latin]) as server:
        home.write_config(provider("a", server.url), model("a/m"))
        assert home.here("chat", "--no-stream", "hi").out.strip() == "Grüße"


def test_signed_thoughts_go_back_only_to_who_signed_them(home: Home) -> None:
    """Another deployment would refuse them; the conversation itself goes on anywhere."""

    def thought(_number: int, _request: Request) -> Any:
        return None

    with FakeServer(speaks=("anthropic",), behave=thought) as server:
        home.write_config(
            provider("a", server.root, format="anthropic"), model("a/claude-x"), model("a/claude-y")
        )
        assert home.here("chat", "--session", "s", "-m", "a/claude-x", "hi").code == 0
        path = home.state / "sessions" / "s.jsonl"
        turns = [json.loads(line) for line in path.read_text().splitlines()]
        block = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
        turns[-1]["carry"] = [
            {
                "format": "anthropic",
                "model": "claude-x",
                "text": 0,
                "calls": 0,
                "block": block,
                "by": "a/claude-x",
            }
        ]
        path.write_text("".join(json.dumps(turn) + "\n" for turn in turns))
        assert home.here("chat", "--session", "s", "-c", "-m", "a/claude-y", "ho").code == 0
        assert "c2ln" not in json.dumps(server.chats[-1].json)


def test_only_a_prompt_that_was_cut_is_said_to_be(home: Home) -> None:
    """A model loaded with a large window took all of it; one that counts to its window's end did not."""
    with FakeServer(models=[{"id": "m", "ps": {"context_length": 32768}}], speaks=("ollama",)) as server:
        den = f'[providers.den]\npreset = "ollama"\nurl = "{server.root}"\n'
        home.write_config(den, model("den/m"))
        prompt = "word " * 6000
        usage = {"prompt_tokens": 6500, "completion_tokens": 2, "total_tokens": 6502}
        server.behave(lambda n, request: faults.ok(usage=usage))
        assert home.here("refresh").code == 0
        assert "cut the prompt" not in home.here("chat", prompt).err
        home.write_config(den, model("den/m", context_window=6500))
        assert "cut the prompt" in home.here("chat", "--context-size", "1", prompt).err


def test_a_limit_that_is_left_out_is_said(home: Home) -> None:
    """Where a format has no second name for it, an answer without its limit may cost more."""
    with FakeServer(speaks=("responses",), behave=faults.refusing("max_output_tokens")) as server:
        home.write_config(provider("a", server.root, format="responses"), model("a/m"))
        told = home.here("chat", "--max-tokens", "50", "hi")
        assert (told.code, "does not take max tokens" in told.err) == (0, True)
