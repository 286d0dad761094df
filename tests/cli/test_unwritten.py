"""What a run could not write, or nobody could read: the answer stays, and the exit code tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from llmpool.chat import batch as batches
from llmpool.cli import app
from tests.cli.test_chat_batch import answers, batch, echo, numbered, write
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider, python_environment

linux = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and /proc")


@pytest.fixture
def den(home: Home, server: FakeServer) -> Home:
    """Give a home with one deployment."""
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("models", "list").code == 0
    return home


def test_usage_that_cannot_be_recorded_ends_with_10(den: Home) -> None:
    """The answer is there whole; the error is the last line of stderr, and says each reason once."""
    (den.state / "usage").write_text("in the way")
    done = den.here("chat", "hi", "--json")
    assert (done.code, done.json["text"]) == (10, "hello there")
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert (error["exit"], error["kind"]) == (10, "state")
    assert error["message"].startswith(f"usage not recorded: cannot lock {den.state}/usage/append: ")
    assert done.err.count("not recorded") == 1
    (den.state / "usage").unlink()
    assert den.here("chat", "hi").code == 0
    assert len(den.here("usage", "list", "--json").json["records"]) == 1


def test_a_conversation_that_cannot_be_kept_costs_no_answer(den: Home) -> None:
    """With --json the document comes before the error."""
    (den.state / "sessions").write_text("in the way")
    done = den.here("chat", "hi", "--json", "--session", "s")
    assert (done.code, done.json["text"]) == (10, "hello there")
    assert "sessions" in json.loads(done.err.splitlines()[-1])["error"]["message"]


def test_a_batch_keeps_its_answers_and_ends_with_10(den: Home, server: FakeServer) -> None:
    """At its end it says how many records could not be written."""
    server.behave(echo)
    (den.state / "usage").write_text("in the way")
    done = batch(den, write(den, numbered(3)), "--jobs", "1")
    assert done.code == 10, done
    assert len(answers(den)) == 3
    assert "3 answered" in done.err
    assert "error: usage not recorded (3 times): " in done.err
    assert done.err.count("not recorded") == 1


def test_a_batch_whose_records_cannot_be_written_stops(
    den: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not go on to spend what nobody counts; the same command goes on."""
    server.behave(echo)
    monkeypatch.setattr(batches, "MOST_OWED", 4)
    (den.state / "usage").write_text("in the way")
    source = write(den, numbered(40))
    done = batch(den, source, "--jobs", "1")
    assert done.code == 10, done
    asked = len(server.chats)
    assert 4 <= asked < 40
    assert "go on: same command" in done.err
    assert done.err.count("usage not recorded") == 1
    assert f"warning: usage not recorded ({asked} times): " in done.err
    assert "error: records cannot be written, so no more is asked: " in done.err
    (den.state / "usage").unlink()
    assert batch(den, source, "--jobs", "1").code == 0
    assert len(server.chats) == 40


def test_a_removal_that_cannot_forget_is_told_and_done_again(den: Home) -> None:
    """What was learnt stays with the provider: the config still has it, and the same command finishes."""
    lock = den.state / "formats.json.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    before = den.config.read_text()
    done = den.here("providers", "remove", "den", "--yes")
    assert (done.code, den.config.read_text()) == (10, before)
    assert den.here("providers", "clear", "den").code == 10
    lock.rmdir()
    assert den.here("providers", "remove", "den", "--yes").code == 0
    assert "den" not in den.config.read_text()


@pytest.mark.parametrize("line", ["config path", "models list --json", "--help", "--version --plain"])
def test_a_closed_stdout_ends_with_10(
    den: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """As a full disk under it does: what was asked for reached nobody."""
    for name, value in den.env.items():
        monkeypatch.setenv(name, value)
    with mock.patch.object(sys, "stdout", None):
        assert app.run(line.split()) == 10
    assert "stdout is closed" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["policy apply -", "chat --schema - hi", "init --from -"])
def test_a_closed_stdin_is_an_empty_one(den: Home, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Whatever is wanted of it is not there, which is a slip and no bug."""
    for name, value in den.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stdin", None)
    assert app.run(line.split()) == 2


def test_nothing_is_paid_for_that_a_closed_stdout_would_lose(
    den: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A chat without stdout sends nothing; a batch into a file needs none, nor does a silent command."""
    for name, value in den.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(den.cwd)
    Path("prompts.txt").write_text("one\n")
    before = len(server.chats)
    with mock.patch.object(sys, "stdout", None):
        assert app.run(["chat", "hi", "--no-stdin"]) == 10
        assert len(server.chats) == before
        assert app.run(["chat", "--batch", "prompts.txt", "-o", "out.jsonl"]) == 0
        assert app.run(["providers", "clear", "den"]) == 0
    assert "stdout is closed" in capsys.readouterr().err
    assert len(Path("out.jsonl").read_text().splitlines()) == 1


@linux
def test_a_version_that_nobody_reads_is_no_trace(tmp_path: Path) -> None:
    """The quick way of `--version` meets a full disk as all commands do."""
    line = [sys.executable, "-m", "llmpool", "--version"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, env=python_environment(tmp_path), check=False
        )
    assert (done.returncode, done.stderr) == (
        10,
        b"error: the output cannot be written: No space left on device\n",
    )


@linux
def test_a_directory_that_cannot_be_made_is_told_of_once(den: Home) -> None:
    """However many files would lie in it; the answer is there."""
    done = den.here("chat", "hi", env={"LLMPOOL_STATE_DIR": "/proc/self/none/state"})
    assert (done.code, done.out) == (10, "hello there\n")
    fact = "cannot make /proc/self/none: No such file or directory"
    assert done.err.splitlines()[0] == f"error: usage not recorded, decision not recorded: {fact}"
    assert done.err.count("/proc/self/none") == 1
