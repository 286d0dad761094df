"""Promises that a first reader of the program found broken; each holds now."""

from __future__ import annotations

import fcntl
import json
import signal
import time
from pathlib import Path

import pytest

from llmpool.state import health
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, end_of, model, provider, wait_for
from tests.tools.make_tiny_gguf import write_tiny_gguf


def test_local_only_holds_for_names_nobody_listed(home: Home) -> None:
    """A model its server forwards is cloud, listed or not; --local-only refuses it."""
    with FakeServer(speaks=("ollama",)) as server:
        home.write_config(f'[providers.den]\npreset = "ollama"\nurl = "{server.root}"\n')
        assert home.here("chat", "--local-only", "-m", "den/gpt-oss:120b-cloud", "hi").code == 6
        assert not server.chats
        assert home.here("chat", "--local-only", "-m", "den/llama3", "hi").code == 0


def test_what_binds_a_provider_binds_names_nobody_listed(home: Home, server: FakeServer) -> None:
    """Allow-list, policy and what a name tells hold for unlisted models too."""
    home.write_config(provider("work", server.url, allowed_models=["gamma"]), provider("den", server.url))
    assert home.here("chat", "-m", "work/forbidden", "hi").code == 6
    assert home.here("chat", "-m", "den/nomic-embed-text", "hi").code == 6
    home.here("policy", "set", "den", "--state", "inactive")
    assert home.here("chat", "-m", "den/any", "hi").code == 8
    assert not server.chats


def test_an_unlisted_local_call_is_free(home: Home, server: FakeServer) -> None:
    """Local costs 0, whoever listed the model."""
    home.write_config(provider("den", server.url))
    assert home.here("chat", "--json", "-m", "den/new", "hi").json["cost"] == "0"


def test_a_busy_lock_costs_no_answer(home: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a record has to wait too long the answer is there all the same, with a warning."""
    home.write_config(provider("a", server.url), model("a/m"))
    home.here("chat", "hi")
    with (home.state / "health.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        monkeypatch.setitem(health.update.__kwdefaults__, "wait", 0.2)  # ten seconds outside of tests
        result = home.here("chat", "--json", "hi")
    assert result.json["text"] == "hello there"
    assert "not recorded" in result.err


def test_trouble_with_records_hides_nothing(home: Home) -> None:
    """A log that cannot be written changes no exit code: 7 stays 7, 143 stays 143."""
    with FakeServer(behave=[faults.status(400), faults.hang(30)]) as one:
        home.write_config(provider("a", one.url), model("a/m"))
        home.here("refresh")
        (home.state / "usage").write_text("in the way")
        failed = home.here("chat", "--max-wait", "0", "hi")
        assert failed.code == 7
        assert "scripted" in failed.err or "400" in failed.err
        child = home.start("chat", "hi")
        wait_for(lambda: len(one.chats) == 2)
        ended = end_of(child, send=signal.SIGTERM)
        assert ended.code == 143
        assert "Traceback" not in ended.err


def test_a_pin_without_a_key_falls_back_where_allowed(home: Home, server: FakeServer) -> None:
    """-m with --fallback lets others answer when the pinned one may not even be asked."""
    home.write_config("[providers.openai]\n", provider("den", server.url), model("den/m"))
    result = home.here("chat", "-m", "openai/gpt-5-mini", "--fallback", "hi")
    assert (result.code, result.out) == (0, "hello there\n")


def test_offline_is_about_the_network(home: Home, server: FakeServer, tmp_path: Path) -> None:
    """--offline leaves the embedded model usable, refuses everything else, downloads included."""
    pytest.importorskip("xllamacpp")
    write_tiny_gguf(tmp_path / "tiny.gguf")
    home.write_config(provider("a", server.url), model("a/m", quality=9))
    assert home.here("chat", "--offline", "hi").code == 8
    assert home.here("models", "pull", "embedded/x", "--offline", "--from", server.url).code == 8
    assert home.here("models", "pull", "embedded/tiny", "--from", str(tmp_path / "tiny.gguf")).code == 0
    answer = home.here("chat", "--offline", "--json", "--max-tokens", "8", "hi")
    assert answer.json["served_by"] == "embedded/tiny"
    home.here("models", "unload", "embedded/tiny")
    assert not server.chats


def test_names_that_mean_nothing_restrict_nothing(home: Home, server: FakeServer) -> None:
    """--exclude and --prefer know providers, deployments, aliases and names; a typo ends with 3."""
    home.write_config(provider("a", server.url), model("a/m"), model("a/n", aliases=["other"]))
    assert home.here("route", "--exclude", "n", "--exclude", "a/m", "x").code == 6
    assert home.here("route", "--exclude", "other", "x").out == "a/m\n"
    assert home.here("route", "--exclude", "nosuch", "x").code == 3
    assert home.here("route", "--prefer", "nosuch", "x").code == 3
    assert home.here("route", "--prefer", "other", "x").out == "a/n\n"


def test_a_forced_name_is_explained_on_a_terminal_too(home: Home, server: FakeServer) -> None:
    """The table of a forced or profiled request is that of the request, not of another one."""
    home.write_config(provider("a", server.url), model("a/m"))
    home.here("refresh")
    child = home.terminal("route", "-m", "a/zzz", "--force", "hi")
    child.expect("a/zzz")
    child.expect("strategy score")
    child.wait()
    assert child.exitstatus == 0


def test_the_output_may_be_a_full_disk(home: Home) -> None:
    """An output that cannot be written is one line and 10, never a bug."""
    import subprocess
    import sys

    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))
    for arguments in (("route", "hi"), ("--help",), ("models", "--json")):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "llmpool", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=home.env,
                cwd=home.cwd,
                check=False,
            )
        assert done.returncode == 10, done.stderr
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_one_server_is_added_once(home: Home, server: FakeServer) -> None:
    """Localhost and 127.0.0.1 are one machine; a second init adds nothing under another name."""
    port = server.port
    home.here("init", "--yes", "--no-embedded", env={"OLLAMA_HOST": f"localhost:{port}"})
    home.here("init", "--yes", "--no-embedded", env={"OLLAMA_HOST": f"http://127.0.0.1:{port}/"})
    assert home.config.read_text().count("[providers.") == 1


def test_an_address_that_was_named_is_spoken_of(home: Home) -> None:
    """A variable that names a server nobody answers at gets a line; the wait is short."""
    began = time.monotonic()
    result = home.here("init", "--yes", "--no-embedded", env={"OLLAMA_HOST": f"127.0.0.1:{closed_port()}"})
    assert "OLLAMA_HOST names" in result.err
    assert time.monotonic() - began < 15
    assert home.here("init", "--yes", "--no-embedded", env={"OLLAMA_HOST": "bad host"}).code == 6


def test_tokens_for_other_things_are_no_keys(home: Home) -> None:
    """HF_TOKEN and GITHUB_TOKEN are set for other reasons; init sends them nowhere unasked."""
    env = {"HF_TOKEN": "hf_0123456789abcdefghijklmnop", "GITHUB_TOKEN": "ghp_0123456789abcdefghijklmn"}
    assert home.here("init", "--yes", "--no-embedded", env=env).code == 6
    assert not home.config.exists()


def test_an_init_that_lists_nothing_does_not_cheer(home: Home) -> None:
    """When every provider fails to list, init ends with 9 and does not say try."""
    result = home.here("init", "--yes", "--no-embedded", env={"GROQ_API_KEY": "gsk_0123456789abcdefghij"})
    assert result.code == 9
    assert "try: llmpool chat" not in result.err
    assert "nobody answered" in result.err


def test_disabled_providers_do_not_upset_init(home: Home) -> None:
    """With every provider disabled init ends with 6, in words."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1", enabled=False))
    assert home.here("init", "--yes", "--no-embedded").code == 6


def test_no_colour_means_no_escape(home: Home) -> None:
    """NO_COLOR and --color never leave no escape sequence in a table on a terminal."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))
    for arguments, env in ((("models", "--color", "never"), {}), (("models",), {"NO_COLOR": "1"})):
        child = home.terminal(*arguments, env=env)
        child.expect("a/m")
        child.wait()
        assert "\x1b[1m" not in child.before


def test_no_means_no_for_offline(home: Home, server: FakeServer) -> None:
    """LLMPOOL_OFFLINE=false is not offline."""
    home.write_config(provider("a", server.url), model("a/m"))
    assert home.here("chat", "hi", env={"LLMPOOL_OFFLINE": "false"}).code == 0
    assert home.here("chat", "hi", env={"LLMPOOL_OFFLINE": "yes"}).code == 8


def test_a_cost_limit_is_sent_along(home: Home, server: FakeServer) -> None:
    """What --max-cost was reckoned with is the longest answer that is asked for."""
    home.write_config(provider("a", server.url, location="cloud"), model("a/m"))
    home.here("usage", "prices", "set", "a/m", "--input", "1", "--output", "2")
    home.here("chat", "--max-cost", "0.01", "hi")
    assert server.chats[-1].json["max_tokens"] == 4096


def test_a_rate_limit_says_how_long(home: Home) -> None:
    """When all are only too busy the exit code is 75, and the wait is told to people and scripts."""
    limit = faults.status(429, headers={"Retry-After": "30"})
    with FakeServer(behave=lambda _n, _request: limit) as one:
        home.write_config(provider("a", one.url), model("a/m"))
        told = home.here("chat", "hi")
        assert told.code == 75
        assert "--max-wait 30s" in told.err
        error = home.here("chat", "--json", "hi").error
        assert error["retry_at"].endswith("Z")


def test_interrupted_at_any_moment_there_is_no_trace(home: Home, server: FakeServer) -> None:
    """Ctrl-C during start-up ends without a trace of ours; before that the interpreter is by itself."""
    home.write_config(provider("a", server.url), model("a/m"))
    for moment in (0.02, 0.05, 0.09):
        child = home.start("route", "hi")
        time.sleep(moment)
        ended = end_of(child, send=signal.SIGINT)
        assert "llmpool/" not in ended.err


def test_batch_lines_always_speak_of_difficulty(home: Home) -> None:
    """Every batch line tells how hard its query is, whatever the strategy."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))
    shown = home.here("route", "--batch", "-", "--json", stdin=json.dumps({"query": "hi"}) + "\n")
    assert shown.documents[0]["decision"]["difficulty"] < 0.3
