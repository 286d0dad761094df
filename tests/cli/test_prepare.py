"""A chat with a model that was asked for by name, and whose window has to be made larger first."""

from __future__ import annotations

import json
import signal
from unittest import mock

import pytest

from llmpool.chat import prepare
from llmpool.errors import Busy
from tests.at_once import at_once
from tests.fakes import faults
from tests.fakes.faults import Behaviour
from tests.fakes.loading import LMStudioMemory, OllamaMemory
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, model, provider, wait_for

OOM = faults.status(500, body={"error": {"message": "insufficient system resources"}})


def words(tokens: int) -> str:
    """Write a prompt of so many tokens, four bytes each."""
    return "abc " * (tokens - 1) + "abcd"


def studio(memory: LMStudioMemory) -> FakeServer:
    """Serve LM Studio with this memory."""
    return FakeServer(list(memory.models), speaks=["lmstudio"], routes=memory.routes, behave=memory.chat)


def configure(home: Home, server: FakeServer, *more: str, preset: str = "lmstudio", **fields: object) -> None:
    """Configure *server* as provider `lm` and refresh it."""
    home.write_config(provider("lm", server.root, preset=preset, format=None, **fields), *more)
    assert home.here("refresh").code == 0


def test_a_window_that_is_too_small_is_made_larger_first(home: Home) -> None:
    """5.4.1: loaded with what is needed and 4096, said on stderr, answered; from then on it is known."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096})
    with studio(memory) as server:
        configure(home, server)
        first = home.here("chat", "-m", "lm/big", words(7000))
        listed = home.here("models", "list", "--json").json["models"][0]["context_window"]
        second = home.here("chat", "-m", "big", words(9000))
        assert [chat.json["model"] for chat in server.chats] == ["big", "big"]
    assert (first.code, first.out) == (0, "hello there\n")
    assert "lm/big is being loaded with a window of 11,096 tokens, it has 4,096" in first.err
    assert memory.orders == [("unload", "big"), ("load", "big", 11096)]
    assert listed == 11096
    assert (second.code, "being loaded" in second.err) == (0, False)


@pytest.mark.parametrize(("loaded", "most"), [(8192, 8192), (8192, 131072)])
def test_a_prompt_that_fits_is_sent_as_it_is(home: Home, loaded: int, most: int) -> None:
    """5.4, golden: 7000 needed, 8192 loaded passes, though 4096 above would not fit; no answer is lost.

    The source loads anew wherever 4096 tokens above the prompt do not fit; here only where prompt and answer
    do not, for that takes seconds and forgets every prompt the server remembers.
    """
    memory = LMStudioMemory({"big": most}, {"big": loaded})
    with studio(memory) as server:
        configure(home, server)
        assert home.here("chat", "-m", "lm/big", words(7000)).code == 0
        longest = home.here("chat", "-m", "lm/big", words(8192))
    asked_more = [("unload", "big"), ("load", "big", 12288)] if most > loaded else []
    assert (longest.code, memory.orders) == (0, asked_more)


def test_what_no_window_takes_is_refused_before_anything_is_sent(home: Home) -> None:
    """5.4.2: too long even for the largest window is nothing eligible, and nothing is loaded for it."""
    memory = LMStudioMemory({"big": 8192}, {"big": 4096})
    with studio(memory) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/big", words(9000))
        unnamed = home.here("chat", words(7000))
        assert server.chats == []
    assert (result.code, unnamed.code) == (6, 6)
    assert memory.orders == []


def test_the_owners_window_is_the_limit(home: Home) -> None:
    """5.4, the trap: what the override does not take is refused without a load; below it, it is loaded."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096})
    with studio(memory) as server:
        configure(home, server, model("lm/big", context_window=8192))
        assert home.here("chat", "-m", "lm/big", words(9000)).code == 6
        assert memory.orders == []
        assert home.here("chat", "-m", "lm/big", words(5000)).code == 0
    assert memory.orders == [("unload", "big"), ("load", "big", 8192)]


def test_a_model_that_is_not_loaded_is_loaded_when_a_default_would_not_do(home: Home) -> None:
    """A short prompt leaves the load to the server, which has its owner's settings; a long one does not."""
    memory = LMStudioMemory({"big": 131072})
    with studio(memory) as server:
        configure(home, server)
        assert home.here("chat", "-m", "lm/big", "hi").err == ""
        assert memory.orders == []
        result = home.here("chat", "-m", "lm/big", words(4000))
    assert "lm/big is being loaded with a window of 8,096 tokens\n" in result.err
    assert memory.orders == [("load", "big", 8096)]


def test_a_load_that_fails_ends_the_chat_with_the_old_window_back(home: Home) -> None:
    """5.3.3: the window is restored, the reason told, nothing sent, and no cooldown for the provider."""

    def refuse(_model: str, size: int) -> Behaviour | None:
        return OOM if size > 9000 else None

    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, refuse=refuse)
    with studio(memory) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/big", "--json", words(7000))
        assert server.chats == []
        assert home.here("chat", "-m", "lm/big", "hi").code == 0
    assert (result.code, result.error["attempts"][0]["kind"]) == (7, "unusable")
    told = "it could not be loaded with 11,096 tokens: insufficient system resources (status 500)"
    assert told in result.error["message"]
    assert memory.orders == [("unload", "big"), ("load", "big", 11096), ("load", "big", 4096)]


def test_a_window_found_too_small_grows_twice_at_most(home: Home) -> None:
    """5.5, golden: 24000 loaded, only the maximum works: loads of 48000 and 131072, then it answers."""
    memory = LMStudioMemory({"big": 131072}, {"big": 24000}, enough=100_000)
    with studio(memory) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/big", words(5000))
        assert len(server.chats) == 3
    assert (result.code, result.out) == (0, "hello there\n")
    assert [order[2] for order in memory.orders if order[0] == "load"] == [48000, 131072]
    assert "lm/big: its window was too small; it is being loaded with 48,000 tokens" in result.err


def test_growth_ends_where_it_is_no_help(home: Home) -> None:
    """5.5: at the maximum there is nothing to load; the tools of a request are not dropped (ruling 3)."""
    memory = LMStudioMemory({"big": 131072}, {"big": 65536}, enough=1_000_000)
    with studio(memory) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/big", "--json", words(5000))
        assert (result.code, len(server.chats)) == (7, 2)
        unnamed = home.here("chat", words(5000))
        assert (unnamed.code, len(server.chats)) == (7, 3)
    assert [order[2] for order in memory.orders if order[0] == "load"] == [131072]
    assert {attempt["kind"] for attempt in result.error["attempts"]} == {"context_length"}


def test_another_answers_while_somebody_else_loads_there(home: Home) -> None:
    """A server that found its window too small, and is kept busy by another process, ends no request."""
    memory = LMStudioMemory({"big": 131072}, {"big": 24000}, enough=100_000)
    busy = mock.patch.object(prepare, "load", side_effect=Busy("another llmpool loads there"))
    with studio(memory) as server, FakeServer(["large"]) as other, busy:
        table = provider("work", other.url, location="cloud")
        configure(home, server, table, model("work/large", context_window=200_000))
        done = home.here("chat", "-m", "lm/big", "--fallback", words(5000))
    assert (done.code, done.out) == (0, "hello there\n")
    assert "work/large answered" in done.err
    assert "another llmpool loads there" in done.err


def test_a_second_instance_is_called_by_its_own_name(home: Home) -> None:
    """5.8: where the old instance could not be unloaded, the request goes to the one with the new window."""

    def refuse(_model: str, size: int) -> Behaviour | None:
        return faults.status(500, body={"error": "busy"}) if not size else None

    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, refuse=refuse)
    with studio(memory) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/big", "--json", words(7000))
        assert [chat.json["model"] for chat in server.chats] == ["big:2"]
    assert (result.code, result.json["served_by"]) == (0, "lm/big")


def test_an_interrupt_during_a_load_puts_the_old_window_back(home: Home) -> None:
    """Ctrl-C ends the run with 130 after the model is loaded as it was."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, delay=1)
    with studio(memory) as server:
        configure(home, server)
        child = home.start("chat", "-m", "lm/big", words(7000))
        wait_for(lambda: len(memory.orders) == 2)
        result = end_of(child, send=signal.SIGINT)
        assert memory.windows == {"big": 4096}
        assert home.here("models", "list", "--json").json["models"][0]["context_window"] == 4096
    assert (result.code, result.out) == (130, "")
    assert memory.orders[1:] == [("load", "big", 11096), ("load", "big", 4096)]


def test_chats_at_once_load_a_model_once(home: Home) -> None:
    """Three chats that need the same window load it once: the others wait and find it loaded."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, delay=1)
    with studio(memory) as server:
        configure(home, server)
        ends = at_once(home, *[("chat", "-m", "lm/big", words(7000))] * 3)
        assert len(server.chats) == 3
    assert [end.code for end in ends] == [0, 0, 0]
    assert memory.orders == [("unload", "big"), ("load", "big", 11096)]


def test_an_old_lmstudio_is_asked_as_it_is(home: Home) -> None:
    """A server that cannot be told to load is asked all the same; why not is said."""
    rows = [{"id": "m", "max_context_length": 131072}]
    with FakeServer(rows, speaks=["lmstudio"], lmstudio_v1=False) as server:
        configure(home, server)
        result = home.here("chat", "-m", "lm/m", words(6000))
    assert result.code == 0
    assert "0.4.0 and later can; it is asked as it is" in result.err


def test_ollama_is_loaded_anew_once_and_keeps_that_window(home: Home) -> None:
    """The window is the request's there: a bigger one is loaded, known, and named with each later chat."""
    memory = OllamaMemory({"m": 4096})
    with FakeServer(["m"], speaks=["ollama"], routes=memory.routes, behave=memory.chat) as server:
        configure(home, server, preset="ollama")
        first = home.here("chat", "-m", "lm/m", words(7000))
        assert home.here("chat", "-m", "lm/m", "hi").code == 0
        assert home.here("chat", "hi").code == 0
        assert [chat.json["options"]["num_ctx"] for chat in server.chats] == [11096] * 3
    assert "lm/m is being loaded with a window of 11,096 tokens, it has 4,096" in first.err
    assert memory.orders == [("load", "m", 11096)]


@pytest.mark.parametrize(("preset", "field"), [("lmstudio", "ttl"), ("ollama", "keep_alive")])
def test_the_time_to_stay_is_told_with_each_chat(home: Home, preset: str, field: str) -> None:
    """5.6: `idle_ttl` in whole seconds; 0 and unset leave the field out, and no other server gets one."""
    with FakeServer(["m"], speaks=[preset]) as server:
        for ttl, sent in (("10m", 600), ("1500ms", 2), ("0s", None), (None, None)):
            table = provider("lm", server.root, preset=preset, format=None, idle_ttl=ttl)
            home.write_config(table, model("lm/m"))
            assert home.here("chat", "-m", "lm/m", "hi").code == 0
            assert server.chats[-1].json.get(field) == sent
    with FakeServer(["m"]) as server:
        home.write_config(provider("o", server.url, idle_ttl="10m"), model("o/m"))
        assert home.here("chat", "-m", "o/m", "hi").code == 0
        assert {"ttl", "keep_alive"}.isdisjoint(server.chats[-1].json)


def test_a_prompt_that_was_probably_cut_is_warned_of(home: Home) -> None:
    """Far fewer tokens counted than sent: a warning that quiet does not silence, and one in the JSON."""
    usage = {"prompt_tokens": 2000, "completion_tokens": 2, "total_tokens": 2002}
    with FakeServer(["m"], behave=lambda _n, _r: faults.ok(usage=usage)) as server:
        home.write_config(
            provider("vl", server.url),
            model("vl/m"),
            provider("sky", server.url, location="cloud"),
            model("sky/m"),
        )
        said = home.here("chat", "-q", "-m", "vl/m", words(9000))
        shown = home.here("chat", "-m", "vl/m", "--json", words(9000)).json
        far = home.here("chat", "-m", "sky/m", "--json", words(9000)).json
        short = home.here("chat", "-m", "vl/m", "--json", "hi").json
    text = (
        "vl/m counted 2,000 tokens of about 9,000: the prompt was probably cut; "
        "its window is set where its server is started"
    )
    assert said.err == f"warning: {text}\n"
    assert shown["warnings"] == [text]
    assert "warnings" not in json.dumps([far, short])
