"""auth.secrets: each source of a key with real variables, files and programs; no key is in what is said."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from llmpool.auth import program, secrets
from llmpool.core.provider import KeyRef
from llmpool.errors import LlmpoolError, NoCredential, UnusableCredential
from llmpool.setup import key_view

KEY = "sk-hidden-0123456789abcdef"
POSIX = pytest.mark.skipif(os.name != "posix", reason="these programs are shell scripts")
ENV = {"PATH": "/usr/bin:/bin"}
NOT_A_KEY = "contains a line break or another character no key has"


def env_ref(name: str = "A_KEY") -> KeyRef:
    """Return a reference to a variable."""
    return KeyRef(label="a", source="env", env=name)


def command(*words: str) -> KeyRef:
    """Return a reference to a program."""
    return KeyRef(label="a", source="command", command=words)


def script(text: str) -> KeyRef:
    """Return a reference to a shell script."""
    return command("sh", "-c", text)


def read(ref: KeyRef, env: dict[str, str] | None = None, file: Path = Path("none.json")) -> str:
    """Read a key of the provider p."""
    return secrets.read_key(ref, "p", ENV if env is None else env, file)


def refusal(ref: KeyRef, env: dict[str, str] | None = None, file: Path = Path("none.json")) -> LlmpoolError:
    """Return the error that reading a key ends with; the key is nowhere in it."""
    with pytest.raises(NoCredential) as caught:
        read(ref, env, file)
    error = caught.value
    assert KEY not in f"{error!r} {error.hint} {error.lines} {error.details} {error.__context__!r}"
    return error


# --- variables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [KEY, f"{KEY}\n", f"{KEY}\r\n", f"  {KEY}\t"])
def test_a_variable_is_read_without_what_surrounds_it(value: str) -> None:
    """A file that was read into it may have left a line break."""
    assert read(env_ref(), {"A_KEY": value}) == KEY


@pytest.mark.parametrize("env", [{}, {"A_KEY": ""}, {"A_KEY": " \n"}])
def test_a_variable_that_is_not_set_or_blank_is_missing(env: dict[str, str]) -> None:
    """It is told by name, with what sets it, and where nobody looks on, with what cron lacks."""
    told = refusal(env_ref(), env)
    assert type(told) is NoCredential
    assert told.message == 'p: A_KEY is not set (key "a")'
    assert told.hint == "export A_KEY=...    (cron has no variables of your shell: llmpool doctor --cron)"


@pytest.mark.parametrize("odd", ["\n", "\r", "\x00", "\u200b", "ü", "\ufeff", "\x7f", "\udcff"])
def test_a_key_with_a_character_no_key_has_is_faulty(odd: str) -> None:
    """It would end a header, or be refused by every provider; where to look is told, not what was found."""
    told = refusal(env_ref(), {"A_KEY": f"{KEY[:9]}{odd}{KEY[9:]}"})
    assert isinstance(told, UnusableCredential)
    assert told.message == f'p: key "a" {NOT_A_KEY}'
    assert told.hint == "look at variable A_KEY"


# --- programs --------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize(
    "text",
    [
        f"echo {KEY}",
        f"printf %s {KEY}",
        f"printf '{KEY}\\r\\nuser: me\\n'",
        f"echo {KEY}; head -c 200000 /dev/zero | tr '\\0' x",
        f"echo {KEY}; echo {KEY} >&2",
        f"echo {KEY}; sleep 30 & exit 0",
        f"cat; echo {KEY}",
    ],
    ids=["a line", "no line break", "two lines", "200 kB more", "stderr", "left running", "reads stdin"],
)
def test_the_first_line_of_a_program_is_the_key(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What follows it, what it says on stderr, and what it leaves behind do not matter; stdin is empty."""
    assert read(script(text)) == KEY
    assert capfd.readouterr() == ("", "")


@POSIX
def test_words_are_handed_over_as_they_are(tmp_path: Path) -> None:
    """The config has a list of words: no shell looks at them."""
    assert read(command("printf", "%s", "$HOME;`x`*")) == "$HOME;`x`*"


@POSIX
def test_a_program_is_found_in_the_path_of_the_run(tmp_path: Path) -> None:
    """And has the variables of the run, without the secrets that are llmpool's alone."""
    mine = tmp_path / "mine"
    mine.write_text(
        '#!/bin/sh\necho "$A_KEY-$LLMPOOL_STATE_KEY$LLMPOOL_OAUTH_X_CLIENT_SECRET-$LLMPOOL_MODE"\n'
    )
    mine.chmod(0o755)
    ours = {"LLMPOOL_STATE_KEY": "s", "LLMPOOL_OAUTH_X_CLIENT_SECRET": "s", "LLMPOOL_MODE": "auto"}
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "A_KEY": KEY} | ours
    assert read(command("mine"), env) == f"{KEY}--auto"


@POSIX
def test_a_program_that_is_not_found_is_told_with_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cron's PATH is short; a program in one of the usual other places is named with its full path."""
    told = refusal(command("no-such-program", KEY))
    assert told.message == (
        'p: the command of key "a" (no-such-program) cannot be run: it is not in PATH (/usr/bin:/bin)'
    )
    assert told.hint == "give its full path;  without a desktop: llmpool doctor --cron"
    mine = tmp_path / ".local/bin/mine"
    mine.parent.mkdir(parents=True)
    mine.touch(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert refusal(command("mine")).hint.startswith(f"give its full path: {mine};")
    assert "there is no such file" in refusal(command(str(tmp_path / "gone"))).message


@POSIX
@pytest.mark.parametrize(
    ("content", "mode", "fact"),
    [
        ("#!/bin/sh\n", 0o600, "Permission denied"),
        ("no program", 0o700, "Exec format error"),
    ],
)
def test_what_is_no_program_is_told(tmp_path: Path, content: str, mode: int, fact: str) -> None:
    """A file that may not be run, or that the system cannot run."""
    ill = tmp_path / "ill"
    ill.write_text(content)
    ill.chmod(mode)
    assert refusal(command(str(ill))).message == f'p: the command of key "a" ({ill}) cannot be run: {fact}'


@POSIX
@pytest.mark.parametrize(
    ("text", "ending"),
    [
        (f"echo {KEY}; exit 3", "ended with 3"),
        (f"echo {KEY} >&2; exit 1", "ended with 1"),
        (f"echo {KEY}; kill -9 $$", "was ended by signal 9"),
        ("no-such-program", "ended with 127"),
    ],
)
def test_a_program_that_fails_gives_no_key(text: str, ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever it printed before; its stderr is not shown, for it may hold anything."""
    told = refusal(script(text))
    assert told.message == f'p: the command of key "a" (sh) {ending}'
    assert told.hint == "run it in a terminal to see why;  without a desktop: llmpool doctor --cron"
    assert capfd.readouterr() == ("", "")


@POSIX
@pytest.mark.parametrize(
    ("text", "empty"), [("true", True), ("echo; echo x", True), ("printf '\\377'", False)]
)
def test_a_program_that_prints_no_key_is_told(text: str, empty: bool) -> None:
    """An empty first line is no key, and neither is what is no text."""
    told = refusal(script(text))
    where = f"first line of: {shlex.join(['sh', '-c', text])}"
    if empty:
        assert told.message == f'p: key "a" is empty ({where})'
    else:
        assert told.message == f'p: key "a" {NOT_A_KEY}'


@POSIX
def test_an_endless_line_is_no_key() -> None:
    """It is not collected either."""
    assert "it is so long" in refusal(script("head -c 200000 /dev/zero | tr '\\0' x")).message


@POSIX
def test_one_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds; then its whole process group goes, and the run goes on."""
    assert program.SECONDS == 10
    monkeypatch.setattr(program, "SECONDS", 0.5)
    pids = tmp_path / "pids"
    told = refusal(script(f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"))
    assert told.message == 'p: the command of key "a" (sh) did not answer in 0.5 s, so it was ended'
    assert "waiting for a passphrase" in told.hint
    assert "llmpool doctor --cron" in told.hint
    for pid in map(int, pids.read_text().split()):
        assert not is_running(pid)


@POSIX
def test_one_that_prints_its_key_and_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows yet whether it will fail."""
    monkeypatch.setattr(program, "SECONDS", 0.3)
    assert "did not answer" in refusal(script(f"echo {KEY}; exec sleep 60")).message


def is_running(pid: int) -> bool:
    """Say whether a process is there, and no mere name that nobody has asked after yet; wait for its end."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.01)
    return True


# --- files and the rest ----------------------------------------------------------------------------------


def test_a_key_in_the_file_is_read(tmp_path: Path) -> None:
    """It is told where it would be, where it is not."""
    file = tmp_path / "secrets.json"
    ref = KeyRef(label="a", source="file")
    assert refusal(ref, file=file).message == f'p: there is no {file}; it would hold key "a"'
    file.write_text(json.dumps({"version": 1, "written_at": "x", "data": {"keys": {"p": {"a": KEY}}}}))
    file.chmod(0o600)
    assert read(ref, file=file) == KEY
    file.chmod(0o640)
    assert refusal(ref, file=file).hint == f"chmod 600 {file}"


def test_an_encrypted_key_is_opened_with_the_state_key_of_the_run(tmp_path: Path) -> None:
    """LLMPOOL_STATE_KEY of the environment that is handed over, not of the process."""
    from llmpool.auth.box import Box

    file = tmp_path / "secrets.json"
    held = {"keys": {"p": {"a": Box(b"state").seal(KEY)}}}
    file.write_text(json.dumps({"version": 1, "written_at": "x", "data": held}))
    file.chmod(0o600)
    ref = KeyRef(label="a", source="file")
    assert read(ref, {"LLMPOOL_STATE_KEY": "state"}, file) == KEY
    assert "its state key is not here" in refusal(ref, {}, file).message


def test_each_source_is_described_without_its_key() -> None:
    """In words that `providers show` shows; a command as a shell would take it."""
    refs = {
        "variable A_KEY": env_ref(),
        "first line of: pass show 'work b'": command("pass", "show", "work b"),
        "the keyring": KeyRef(label="a", source="keyring"),
        "secrets.json": KeyRef(label="a", source="file"),
        "an account": KeyRef(label="oat_1", source="account"),
    }
    assert [secrets.describe(ref) for ref in refs.values()] == list(refs)


@pytest.mark.parametrize(
    ("rotation", "states", "asked"),
    [
        ("first", "not set, ok, ok", [None, "first", "when others fail"]),
        ("least_used", "ok, resting, disabled", ["first", None, None]),
        ("round_robin", "ok, ok, disabled", ["in turn", "in turn", None]),
        ("first", "not set, disabled", [None, None]),
    ],
)
def test_the_source_that_wins_is_told(rotation: str, states: str, asked: list[str | None]) -> None:
    """Of `providers show`: the first key that is to be had is asked with, unless they take turns."""
    rows = [{"state": state} for state in states.split(", ")]
    assert list(key_view._turns(rotation, rows)) == asked


def test_reading_variables_programs_and_plain_files_loads_no_keyring(tmp_path: Path) -> None:
    """Its library costs more than all the rest of a run, so only keys that lie in it pay for it."""
    import subprocess

    from tests.support import python_environment

    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"version": 1, "written_at": "x", "data": {"keys": {"p": {"a": KEY}}}}))
    file.chmod(0o600)
    code = f"""
import sys
from pathlib import Path
from llmpool.auth.secrets import describe, read_key
from llmpool.core.provider import KeyRef
for fields in ({{"source": "env", "env": "A_KEY"}}, {{"source": "file"}},
               {{"source": "command", "command": (sys.executable, "-c", "print('{KEY}')")}}):
    assert read_key(KeyRef(label="a", **fields), "p", {{"A_KEY": "{KEY}"}}, Path({str(file)!r})) == "{KEY}"
describe(KeyRef(label="a", source="keyring"))
print(sorted({{"keyring", "cryptography", "secretstorage", "llmpool.auth.keyrings"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=python_environment(tmp_path),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"[]\n", b"")
