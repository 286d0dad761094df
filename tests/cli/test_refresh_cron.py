"""`llmpool refresh` as cron runs it: silent until something changes, never locked out by a dead process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, end_of, finish, model, provider, wait_for

CRON = ("refresh", "--if-stale", "5h", "--jitter", "10m", "--quiet")


def age(home: Home, seconds: int) -> None:
    """Make what was observed so much older."""
    path = home.state / "inventory.json"
    document = json.loads(path.read_text())
    for entry in document["data"]["providers"].values():
        for field in ("attempted_at", "fetched_at"):
            if entry[field]:
                stamp = time.time() - seconds
                entry[field] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp))
    path.write_text(json.dumps(document))


def test_cron_hears_only_of_what_changed(home: Home) -> None:
    """The first run tells what is there, the next is silent and asks nobody, one after 5 h what moved."""
    quiet = ("refresh", "--if-stale", "5h", "--quiet")
    with FakeServer(["a", "b"]) as server:
        home.write_config(provider("den", server.url))
        first = home.here(*quiet)
        assert (first.code, first.out, first.err) == (0, "den: added a, b\n", "")
        second = home.here(*CRON)  # were anybody due, it would wait for minutes
        assert (second.code, second.out, second.err, len(server.listings)) == (0, "", "", 1)
        server.models[:] = ["b", "c\x1b[31m", "d"]
        age(home, 5 * 3600 + 1)
        third = home.here(*quiet)
        assert (third.code, third.out, third.err) == (0, "den: added d\nden: gone a\n", "")
        again = home.here(*quiet, "--json")
        assert (again.json["fresh"], again.json["providers"], again.json["changes"]) == (["den"], [], [])
        assert again.json["summary"]["asked_lately_enough"] == 1
    age(home, 5 * 3600 + 1)
    down = home.here(*quiet)
    assert (down.code, down.err) == (9, "")
    assert down.out.startswith("den: 127.0.0.1:")
    age(home, 60)
    still = home.here(*quiet)
    assert (still.code, still.out, still.err) == (9, "", "")  # no news, but still an exit code


def test_cron_hears_of_names_that_died(home: Home) -> None:
    """An alias whose target is gone is told once with the nearest replacement, with --quiet too."""
    with FakeServer(["qwen3:8b"]) as server:
        home.write_config(provider("den", server.url), model("den/qwen3:8b", aliases=["small"]))
        home.here("refresh", "--quiet")
        server.models[:] = ["qwen3:14b"]
        told = home.here("refresh", "--quiet")
        words = "alias small means den/qwen3:8b, which is gone upstream; nearest: den/qwen3:14b"
        assert told.out == f"den: added qwen3:14b\nden: gone qwen3:8b\n{words}\n"
        assert home.here("refresh", "--quiet").out == ""
        server.models[:] = ["qwen3:8b"]
        home.here("refresh")
        server.models[:] = []
        (name,) = home.here("refresh", "--json").json["dead"]
        assert (name["name"], name["target"], name["nearest"]) == ("small", "den/qwen3:8b", "")


def test_what_a_refresh_tells_a_person(home: Home, server: FakeServer) -> None:
    """Changes are on stdout, all else is on stderr, and the last line sums up; optional ones may be away."""
    tables = [
        provider("away", f"http://127.0.0.1:{closed_port()}/v1", optional=True),
        provider("den", server.url),
        provider("off", server.url, enabled=False),
        "[providers.openai]\n",
    ]
    home.write_config(*tables)
    result = home.here("refresh")
    assert result.code == 0
    assert "den: added m\n" in result.out
    assert "openai: no key; OPENAI_API_KEY is not set\n" in result.out
    assert "off   skipped, disabled\n" in result.err
    last = result.err.splitlines()[-1]
    assert last.startswith("1 ok, 1 away, 1 without a key, 1 skipped; 1 model; ")
    assert home.here("refresh", "den").out == ""
    assert home.here("refresh", "den", "--timeout", "0").code == 2
    busy = home.here("refresh", "--jitter", "9d")
    assert (busy.code, "--jitter" in busy.err) == (2, True)


def test_a_killed_refresh_leaves_no_lock_though_its_key_command_lives(home: Home) -> None:
    """After kill -9 in the middle, a child that lingers: the next refresh works, and finds no half."""
    note = home.dir / "lingering"
    script = home.dir / "key.sh"
    script.write_text(f"sleep 60 >/dev/null 2>&1 &\necho $! >> {shlex.quote(str(note))}\necho the-key\n")
    with FakeServer(behave_listing=[faults.hang(30)]) as server:
        home.write_config(provider("den", server.url, key={"command": ["sh", str(script)]}))
        child = home.start("refresh")
        wait_for(lambda: bool(server.listings))
        second = home.here("refresh", "--json")
        assert (second.code, second.error["kind"]) == (75, "busy")
        assert second.error["holder"]["pid"] == child.pid
        assert second.error["retry_at"] > second.error["holder"]["since"]
        assert f"process {child.pid}" in second.error["message"]
        assert end_of(child, send=signal.SIGKILL).code == -signal.SIGKILL
        third = home.here("refresh")
        pids = [int(line) for line in note.read_text().split()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)  # each of them was alive all along
        assert (third.code, third.out) == (0, "den: added m\n")
        assert len(pids) == 2


def test_the_lock_file_may_be_removed_at_any_time(home: Home, server: FakeServer) -> None:
    """Whoever tidies up the state directory breaks nothing."""
    home.write_config(provider("den", server.url))
    for _ in range(2):
        assert home.here("refresh").code == 0
        (home.state / "refresh.lock").unlink()
        (home.state / "inventory.json.lock").unlink()


def test_ctrl_c_says_how_much_is_kept(home: Home, server: FakeServer) -> None:
    """Those who have answered are listed afterwards; the exit code is 130."""
    with FakeServer(behave_listing=lambda *_: faults.hang(30)) as hung:
        home.write_config(provider("hung", hung.url), provider("den", server.url))
        child = home.start("refresh")
        wait_for(lambda: bool(hung.listings) and bool(server.listings))
        time.sleep(2)  # its answer is heard by now
        ended = end_of(child, send=signal.SIGINT)
    assert (ended.code, ended.out) == (130, "")
    assert "what 1 of 2 providers said is kept" in ended.err
    assert [m["id"] for m in home.here("models", "--json").json["models"]] == ["den/m"]


def test_a_terminal_shows_whom_it_waits_for(home: Home, server: FakeServer) -> None:
    """While one hangs its name stands there; afterwards the line is gone, and a failure is told once."""
    with FakeServer(behave_listing=lambda *_: faults.hang(30)) as hung:
        home.write_config(provider("hung", hung.url), provider("den", server.url))
        child = home.terminal("refresh", "--timeout", "3s")
        child.expect(r"\] +1 of 2 +[12] s +waiting for hung")
        ended = finish(child)
    assert ended.code == 9
    told = ended.out.rpartition("\x1b[K")[2]
    assert "waiting" not in told
    assert told.count("hung") == 1
    assert "den: added m" in told
    assert "1 ok, 1 failed; 1 model;" in told


def test_the_wait_of_jitter_is_said_on_a_terminal_and_can_be_ended(home: Home, server: FakeServer) -> None:
    """How long it will be, and Ctrl-C ends it before anybody is asked."""
    home.write_config(provider("den", server.url))
    child = home.terminal("refresh", "--jitter", "24h")
    child.expect("waiting .* before asking anybody")
    child.sendintr()
    assert finish(child).code == 130
    assert server.listings == []
