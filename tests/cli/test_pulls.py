"""`models pull` and `models remove` as a person and a script use them, with other processes about."""

from __future__ import annotations

import os
import signal
from typing import Any

from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import Home, Result, end_of, finish, model, provider, wait_for

SLOW = 20.0


def table(name: str, server: FakeServer, **fields: Any) -> str:
    """Write the table of an Ollama server."""
    return provider(name, server.root, preset="ollama", format=None, **fields)


def jobs(home: Home) -> list[dict[str, Any]]:
    """Return the queue as `--list --json` has it."""
    shown: list[dict[str, Any]] = home.here("models", "pull", "--list", "--json").json["downloads"]
    return shown


def started(home: Home, library: OllamaLibrary, *args: str) -> Any:
    """Start a pull and wait until it has moved."""
    child = home.start("models", "pull", *args)
    wait_for(lambda: any(library.here.values()))
    return child


def test_a_pulled_model_is_in_the_pool(home: Home) -> None:
    """One word is enough with one server; then the model is listed, and the queue shows what was done."""
    library = OllamaLibrary({"qwen3:8b": 5_200_000_000})
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server))
        assert home.here("models", "pull", "--list") == Result(0, "", "no model was ever pulled from here\n")
        pulled = home.here("models", "pull", "qwen3:8b")
        assert pulled == Result(0, "", "den/qwen3:8b: 5.2 GB, pulled\n")
        assert "den/qwen3:8b" in home.here("models", "list").out
        again = home.here("models", "pull", "den/qwen3:8b", "--json").json
        assert again == {
            "schema": 1,
            "model": {
                "id": "den/qwen3:8b",
                "size": 5_200_000_000,
                "sha256": None,
                "licence": None,
                "present": False,
                "remote": False,
            },
        }
        shown = home.here("models", "pull", "--list", "-q")
    assert shown.out.split("\t")[:3] == ["den/qwen3:8b", "done", "5.2 of 5.2 GB"]
    assert library.pulls == ["qwen3:8b", "qwen3:8b"]


def test_a_terminal_sees_how_far_it_is(home: Home) -> None:
    """Bytes, rate and time left on one line that is redrawn; Ctrl-C says how to go on."""
    library = OllamaLibrary({"qwen3:8b": 5_200_000_000}, seconds=SLOW, steps=100)
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server))
        child = home.terminal("models", "pull", "den/qwen3:8b")
        child.expect(r"den/qwen3:8b   \[[#.]{20}\]   [\d.]+( [kM]B)? of 5\.2 GB   \d+ [kMG]B/s   0:\d\d left")
        child.sendintr()
        ended = finish(child)
    assert ended.code == 130
    assert "den/qwen3:8b is interrupted; go on: llmpool models pull" in ended.out


def test_a_pull_that_is_told_to_end_says_how_to_go_on(home: Home) -> None:
    """SIGTERM is 143 and says no less than Ctrl-C does, with a name and without."""
    library = OllamaLibrary({"qwen3:8b": 4000}, seconds=SLOW, steps=100)
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server))
        for words in (["den/qwen3:8b"], []):
            ended = end_of(started(home, library, *words), send=signal.SIGTERM)
            told = "warning: den/qwen3:8b is interrupted; go on: llmpool models pull\n"
            assert ended == Result(143, "", told)
            library.here.clear()


def test_a_new_name_is_not_meant_for_an_inactive_server(home: Home) -> None:
    """Two servers, one of them inactive by policy: the other is meant; with none left, it is said which."""
    library = OllamaLibrary({"new:1": 4000})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server), table("box", server))
        assert home.here("models", "pull", "new:1").code == 3
        home.here("policy", "set", "den", "--state", "inactive")
        assert home.here("models", "pull", "new:1").err == "box/new:1: 4.0 kB, pulled\n"
        home.write_config(table("den", server))
        refused = home.here("models", "pull", "other:1")
    assert refused.code == 8
    assert "den" in refused.err
    assert "inactive" in refused.err


def test_another_process_calls_a_pull_off(home: Home) -> None:
    """`--cancel` from elsewhere ends it at once, exit 7; then there is nothing left to cancel."""
    library = OllamaLibrary({"qwen3:8b": 4000}, seconds=SLOW, steps=100)
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server))
        child = started(home, library, "den/qwen3:8b", "--json")
        called = home.here("models", "pull", "--cancel", "qwen3:8b")
        assert called == Result(0, "", "den/qwen3:8b: is being stopped\n")
        ended = end_of(child)
        assert (ended.code, ended.out, ended.error["kind"]) == (7, "", "cancelled")
        assert ended.error["hint"] == "go on: llmpool models pull den/qwen3:8b"
        wait_for(lambda: library.at_once == 0)
        assert [job["state"] for job in jobs(home)] == ["cancelled"]
        unknown = home.here("models", "pull", "--cancel", "qwen3:8b", "--json")
        assert (unknown.code, unknown.error["candidates"]) == (3, [])


def test_a_killed_pull_is_taken_up(home: Home) -> None:
    """A kill -9 leaves `interrupted`, with how far it came; `models pull` alone goes on where it stopped."""
    library = OllamaLibrary({"qwen3:8b": 4000}, seconds=SLOW, steps=100)
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server))
        child = started(home, library, "den/qwen3:8b")
        running = jobs(home)[0]
        assert (running["state"], running["pid"], running["attempts"]) == ("running", child.pid, 1)
        os.kill(child.pid, signal.SIGKILL)
        assert end_of(child).code == -signal.SIGKILL
        assert [job["state"] for job in jobs(home)] == ["interrupted"]
        library.seconds, came = 0, library.here["qwen3:8b"]
        again = home.here("models", "pull")
        assert again == Result(0, "", "den/qwen3:8b: pulled\n")
        assert came > 0
        done = jobs(home)[0]
        assert (done["state"], done["attempts"], done["share"], done["pid"]) == ("done", 2, 1.0, None)
        nothing = home.here("models", "pull", "--json").json
    assert nothing == {"schema": 1, "pulled": [], "removed": [], "failed": [], "kept": [], "busy": []}
    assert library.pulls == ["qwen3:8b", "qwen3:8b"]


def test_two_servers_are_pulled_at_by_two_processes(home: Home) -> None:
    """Different providers side by side; at the same one another model is exit 75."""
    library = OllamaLibrary({"a:1": 4000, "b:1": 4000})
    library.gate.clear()
    with FakeServer([], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("one", server), table("two", server))
        first = started(home, library, "one/a:1")
        second = home.start("models", "pull", "two/b:1")
        busy = home.here("models", "pull", "one/b:1", "--json")
        wait_for(lambda: library.peak == 2)
        library.gate.set()
        ends = [end_of(child) for child in (first, second)]
    assert (busy.code, busy.error["kind"]) == (75, "busy")
    assert "one is busy: another process pulls one/a:1" in busy.error["message"]
    assert [(end.code, end.err) for end in ends] == [
        (0, "one/a:1: 4.0 kB, pulled\n"),
        (0, "two/b:1: 4.0 kB, pulled\n"),
    ]
    assert sorted(library.pulls) == ["a:1", "b:1"]


def test_without_a_name_what_is_declared_is_pulled(home: Home) -> None:
    """One is missing, one is unknown: the first comes, the second is told, exit 9."""
    library = OllamaLibrary({"b:1": 4000})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        wanted = [model(f"den/{name}", pull=True) for name in ("a:1", "b:1", "nope")]
        home.write_config(table("den", server), *wanted)
        done = home.here("models", "pull", "--json")
        assert done.code == 9
        assert (done.json["pulled"], [e["id"] for e in done.json["failed"]]) == (["den/b:1"], ["den/nope"])
        told = home.here("models", "pull")
    assert told.code == 9
    assert told.err == (
        "error: den/nope: failed downloading: pull model manifest: file does not exist\n"
        "  what there is: https://ollama.com/library\n"
    )


def test_removal_is_shown_before_it_is_done(home: Home) -> None:
    """Off a terminal nothing is deleted without `--yes`; the question names server and model."""
    library = OllamaLibrary({})
    with FakeServer(["a:1", "b:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server), model("den/a:1", pull=True))
        home.here("refresh")
        asked = home.here("models", "remove", "a:1")
        assert (asked.code, library.deleted) == (2, [])
        assert f"delete den/a:1 from the disk of den ({server.root})?" in asked.err
        done = home.here("models", "remove", "a:1", "--yes")
        assert (done.code, library.deleted) == (0, ["a:1"])
        assert "the next refresh --pull fetches it again" in done.err
        child = home.terminal("models", "remove", "den/b:1")
        child.expect("delete den/b:1")
        child.sendline("n")
        assert finish(child).code == 2
        assert library.deleted == ["a:1"]


def test_words_that_do_not_go_together(home: Home) -> None:
    """`--list`, `--cancel` and a REF exclude each other; `--from` wants a REF."""
    home.write_config()
    for args in (["--list", "den/a"], ["--cancel", "a", "b"], ["--list", "--cancel", "a"], ["--from", "x"]):
        assert home.here("models", "pull", *args).code == 2
