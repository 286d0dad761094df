"""The harness keeps its own promises: isolation, results, and values built with defaults."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tomllib

import pytest

import llmpool
from tests.builders import capability_bits, facts, row, table
from tests.support import PLANTED_KEY, Home, Result, closed_port, end_of, finish, model, provider

STAND_IN = """
import os, signal, sys
say = sys.argv[1:]
if say == ["wait"]:
    print("waiting", flush=True)
    signal.pause()
if sys.stdin.isatty():
    print("terminal of", os.get_terminal_size().columns, os.environ.get("TERM"))
print(say, repr(sys.stdin.read()) if not sys.stdin.isatty() else "", os.environ.get("LANG"), os.getcwd())
print("caf\\xe9 \\U0001f600", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture
def standing_in(home: Home) -> Home:
    """Give a home whose llmpool is a small program that tells what it was given."""
    package = home.dir / "code" / "llmpool"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    home.env["PYTHONPATH"] = str(package.parent)
    return home


def test_children_run_the_code_that_is_imported_here(home: Home) -> None:
    """The llmpool of a child process is the one this process tests, whichever is installed."""
    command = [sys.executable, "-c", "import llmpool; print(llmpool.__file__)"]
    done = subprocess.run(command, cwd=home.cwd, env=home.env, capture_output=True, text=True, check=True)
    assert os.path.realpath(done.stdout.strip()) == os.path.realpath(str(llmpool.__file__))


def test_a_home_is_nobodys(home: Home) -> None:
    """The program's environment has no key, no setting and no proxy of the developer's machine."""
    assert home.env["LLMPOOL_CONFIG"] == str(home.config)
    assert home.env["HOME"] == os.environ["HOME"] == str(home.dir)
    assert [name for name in home.env if name.endswith(("_API_KEY", "_TOKEN", "_BASE_URL"))] == []
    assert "127.0.0.1:9" in home.env["https_proxy"]


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_sockets_beyond_loopback_are_blocked() -> None:
    """A test that reaches for the network fails."""
    with pytest.raises(Exception, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_tables_are_written_as_toml(home: Home) -> None:
    """Builders write what a person would: nested tables inline, strings escaped, None left out."""
    home.write_config(
        'default_model = "a/m"',
        provider("a", "http://x/v1", location=None, key={"env": "K"}, allowed_models=["x*", 'q"\\é😀']),
        model("a/m", quality=3, supports_tools=True, rate_limit={"rpm": 1}),
        model("a/n"),
    )
    read = tomllib.loads(home.config.read_text(encoding="utf-8"))
    assert read["providers"] == {
        "a": {
            "format": "openai",
            "url": "http://x/v1",
            "key": {"env": "K"},
            "allowed_models": ["x*", 'q"\\é😀'],
        }
    }
    assert [each["id"] for each in read["models"]] == ["a/m", "a/n"]
    assert read["models"][0]["rate_limit"] == {"rpm": 1}


def test_results_read_documents_and_errors() -> None:
    """A result reads its document, its lines and its error, and refuses anything else."""
    good = Result(0, '{"schema": 1}\n', 'note\n{"schema": 1, "error": {"exit": 6}}\n')
    assert (good.json, good.error, good.documents) == ({"schema": 1}, {"exit": 6}, [{"schema": 1}])
    with pytest.raises(AssertionError, match="exit 0"):
        _ = Result(0, "{}{}", "").json
    with pytest.raises(AssertionError, match="exit 0"):
        _ = Result(0, "", "").error


def test_results_do_not_repeat_keys(home: Home) -> None:
    """What a failed assertion prints of a result has keys masked; `shows` and `files_with` find them."""
    result = Result(0, f"key {PLANTED_KEY}", "")
    assert PLANTED_KEY not in repr(result)
    assert result.shows(PLANTED_KEY)
    home.write_config(f"# {PLANTED_KEY}")
    assert home.files_with(PLANTED_KEY) == ["config.toml"]


def test_a_closed_port_refuses() -> None:
    """Nothing listens at a closed port."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port()), timeout=1)


def test_routing_values_are_built_with_defaults() -> None:
    """Rows are numbered by provider in order of first use, listed providers first; bits follow the order."""
    rows = [row("b/x"), row("a/y", cost_tier=2, images=None), row("lone", provider="b", tools=False)]
    made = table(rows, providers=[{"id": "a", "priority": 60}])
    assert [each["id"] for each in made.providers] == ["a", "b"]
    assert [each.provider for each in made.rows] == [1, 0, 1]
    assert made.rows[0].yes == capability_bits("chat", "streaming", "tools")
    assert made.rows[1].no & capability_bits("images") == 0
    assert made.rows[2].no & capability_bits("tools")
    assert facts(cooling={"a": "recent timeout"}).cooling == {"a": "recent timeout"}


def test_a_run_has_code_and_both_streams(standing_in: Home) -> None:
    """`pool` gives arguments and stdin as they are, an own directory, and text in UTF-8."""
    plain, given = standing_in.pool("a b", "-c"), standing_in.pool(stdin=b"x\xc3\xa9\n")
    assert plain == (3, f"['a b', '-c'] '' C.UTF-8 {standing_in.cwd}\n", "caf\xe9 \U0001f600\n")
    assert "'x\xe9\\n'" in given.out


def test_a_run_in_this_process_is_told_from_none_of_its_own(home: Home) -> None:
    """`here` gives what `pool` gives, streams, code and files; and leaves this process as it was."""
    before = dict(os.environ), os.getcwd(), sys.stdout, signal.getsignal(signal.SIGINT)
    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))
    for args in (
        ["route", "x"],
        ["models", "--json"],
        ["policy", "set", "zzz", "--state", "flagged"],
        ["-h"],
    ):
        assert home.here(*args) == home.pool(*args)
    assert home.here("policy", "apply", "-", stdin='{"policies": 1}') == (
        home.pool("policy", "apply", "-", stdin='{"policies": 1}')
    )
    assert home.here("config", "path", env={"LLMPOOL_CONFIG": "/else.toml"}).out == "/else.toml\n"
    assert (dict(os.environ), os.getcwd(), sys.stdout, signal.getsignal(signal.SIGINT)) == before


def test_a_run_may_change_its_variables(standing_in: Home) -> None:
    """A variable of None is unset for that run alone."""
    assert "None" in standing_in.pool(env={"LANG": None}, stdin="text").out
    assert "C.UTF-8" in standing_in.pool().out


def test_a_started_program_takes_signals(standing_in: Home) -> None:
    """`start` leaves the program running; `end_of` sends a signal and reads what came of it."""
    child = standing_in.start("wait")
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    assert end_of(child, send=signal.SIGTERM).code == -signal.SIGTERM


def test_what_runs_on_is_ended_with_the_home(standing_in: Home) -> None:
    """`close` ends started programs and terminals."""
    child, screen = standing_in.start("wait"), standing_in.terminal("wait")
    standing_in.close()
    assert child.returncode == -signal.SIGKILL
    assert not screen.isalive()


def test_a_terminal_has_a_width(standing_in: Home) -> None:
    """`terminal` runs the program on a terminal of the width asked for."""
    result = finish(standing_in.terminal("hi", width=77))
    assert (result.code, result.out.splitlines()[0]) == (3, "terminal of 77 xterm-256color")
