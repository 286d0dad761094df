"""Branches for other systems than this one: files, locks, paths, names, line editing, PowerShell."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import platformdirs.macos
import platformdirs.windows
import pytest

import llmpool
from llmpool.chat import batch_journal
from llmpool.chat.batch_lines import Entry
from llmpool.cli import line_editor
from llmpool.config.paths import find_paths
from llmpool.core.ids import is_device
from llmpool.errors import Busy, Misuse, StateUnusable
from llmpool.state import jsonfile, sessions
from tests.compat import windows
from tests.support import Home

PACKAGE = Path(llmpool.__file__).parent
POSIX_ONLY = {  # who uses what Windows has not, and why that is never reached there
    "auth/private.py": "after `os.name`",
    "auth/program.py": "after `os.name`",
    "chat/batch_stop.py": "after `hasattr(signal, 'SIGHUP')`",
    "cli/app.py": "after `hasattr(signal, 'SIGHUP')`",
    "config/paths.py": "after `sys.platform`",
    "embedded": "its server runs on Linux and macOS: `is_available` says no elsewhere",
    "importers/files.py": "after `os.name`",
    "setup/configfile.py": "after `sys.platform`",
    "setup/doctor_ask.py": "after `os.name`",
    "setup/doctor_disk.py": "after `os.name` or `hasattr`",
    "state/jsonfile.py": "after `sys.platform`",
    "state/rollfile.py": "after `sys.platform`",
    "state/tokens.py": "after `os.name`",
}


def as_windows(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """Load a module a second time, under another name, as Windows would."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "msvcrt", windows.msvcrt())
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    spec.loader.exec_module(made)
    monkeypatch.setattr(sys, "platform", "linux")
    return made


def test_what_windows_has_not_is_used_behind_a_question() -> None:
    """Each file that names something POSIX is listed with what keeps Windows away from it."""
    gone = [rf"{module}\.{name}" for module, names in windows.NAMES.items() for name in names.split()]
    uses = re.compile(rf"(?<![\w.])(?:{'|'.join(gone)})\b")
    files = [path for path in PACKAGE.rglob("*.py") if uses.search(path.read_text(encoding="utf-8"))]
    names = [path.relative_to(PACKAGE).as_posix() for path in files]
    found = {"embedded" if name.startswith("embedded/") else name for name in names}
    assert found == set(POSIX_ONLY)


# --- locks and files -------------------------------------------------------------------------------------


def test_a_lock_of_windows_is_held_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With msvcrt there is one holder at a time, shared or not, and the next one gets it afterwards."""
    lock = as_windows(monkeypatch, "llmpool.state.lock")
    path = tmp_path / "health.json"
    for shared in (False, True):
        with lock.locked(path, shared=shared, note="7 now"):
            assert lock.held_by(path) == "7 now"
            with pytest.raises(Busy), lock.locked(path, shared=True, wait=0):
                pytest.fail("two held the lock")
    with lock.locked(path, wait=0):
        assert lock.held_by(path) == ""


def test_a_file_that_is_being_read_is_replaced_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows renames over no open file: it is tried again ten times, and then said."""
    made = as_windows(monkeypatch, "llmpool.state.jsonfile")
    path, tries, pauses = tmp_path / "policy.json", [], []
    monkeypatch.setattr(made.time, "sleep", pauses.append)
    replace = Path.replace

    def busy(times: int) -> Callable[..., Path]:
        def attempt(self: Path, target: Path) -> Path:
            tries.append(target)
            if len(tries) <= times:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return replace(self, target)

        return attempt

    monkeypatch.setattr(Path, "replace", busy(3))
    made.write_atomic(path, b"new\n")
    assert (path.read_bytes(), len(tries), len(pauses)) == (b"new\n", 4, 3)
    tries.clear()
    monkeypatch.setattr(Path, "replace", busy(99))
    with pytest.raises(StateUnusable):
        made.write_atomic(path, b"newer\n")
    assert (path.read_bytes(), len(tries)) == (b"new\n", 10)
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells what is open")
@pytest.mark.parametrize("again", [False, True])
def test_a_batch_has_closed_what_it_replaces_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """Windows renames over no open file and removes none: the answers take their place all the same."""
    output, replace, unlink = tmp_path / "out.jsonl", Path.replace, Path.unlink

    def refuse_if_open(*paths: Path) -> None:
        if {each.resolve() for each in Path("/proc/self/fd").iterdir()} & set(paths):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def replaced(self: Path, target: Path) -> Path:
        refuse_if_open(self, target)
        return replace(self, target)

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        refuse_if_open(self)
        unlink(self, missing_ok)

    if again:
        output.write_bytes(batch_journal.encoded({"schema": 1, "line": 1, "key": "a", "text": "x"}))
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(Path, "unlink", unlinked)
    with batch_journal.opened(str(output)) as journal:
        assert [journal.known(Entry(number, "a")) for number in (1, 2)] == [again, False]
        asked = (2,) if again else (1, 2)
        journal.keep({"schema": 1, "line": number, "key": "a", "text": "x"} for number in asked)
        journal.finish()
    assert (output.read_bytes().count(b"\n"), (tmp_path / "out.jsonl.part").exists()) == (2, False)


def test_elsewhere_a_rename_that_fails_fails_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On POSIX a refused rename is no matter of time."""
    tries = []

    def refuse(_self: Path, target: Path) -> Path:
        tries.append(target)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StateUnusable):
        jsonfile.write_atomic(tmp_path / "policy.json", b"new\n")
    assert len(tries) == 1


def test_names_of_files_fit_every_file_system(home: Home) -> None:
    """No file of the state has a name that Windows refuses, and none is longer than file systems take."""
    home.write_config('[providers.den]\nformat = "openai"\nurl = "http://127.0.0.1:9"\n')
    for line in (("models", "list"), ("route", "hi"), ("policy", "set", "den", "--state", "flagged")):
        home.here(*line)
    (home.state / "policy.json").write_text("torn", encoding="utf-8")
    assert home.here("policy", "show").code == 10
    names = [path.name for path in home.state.rglob("*")]
    assert any(".corrupt-" in name for name in names)
    assert not [name for name in names if re.search(r'[<>:"|?*\\]|[. ]$', name)]
    assert max(map(len, names)) < 100


@pytest.mark.parametrize("name", ["con", "AUX", "nul.old", "com1", "LPT9.x"])
def test_windows_has_names_of_its_own(name: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, what would be a device is no session and no provider; elsewhere it is a name like others."""
    stem = name.partition(".")[0]
    home.write_config(f'[providers.{stem}]\nformat = "openai"\nurl = "http://127.0.0.1:9"\n')
    assert home.here("config", "check").code == 0
    assert sessions.path_of(home.state, name).name == f"{name}.jsonl"
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(Misuse, match="device"):
        sessions.path_of(home.state, name)
    done = home.here("config", "check")
    assert (done.code, "device on Windows" in done.err) == (4, True)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sessions.path_of(home.state, name).name == f"{name}.jsonl"


@pytest.mark.parametrize("name", ["console", "com10", "com", "auxiliary", "nullable", "x.con", "lpt"])
def test_names_that_only_look_so(name: str) -> None:
    """A device is named by the whole of the name up to its first dot."""
    assert not is_device(name)


# --- places ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "kind", "config", "state"),
    [
        (
            "darwin",
            platformdirs.macos.MacOS,
            "Library/Application Support/llmpool/config/config.toml",
            "Library/Application Support/llmpool/state",
        ),
        ("win32", platformdirs.windows.Windows, "Local/llmpool/config/config.toml", "Local/llmpool/state"),
    ],
)
def test_the_customs_of_other_platforms(
    platform: str, kind: Any, config: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Config and state lie where macOS and Windows have them, each in a folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", lambda _name: str(tmp_path / "Local"))
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *a, **k: kind(*a, **k).user_config_path)
    monkeypatch.setattr(platformdirs, "user_state_path", lambda *a, **k: kind(*a, **k).user_state_path)
    monkeypatch.setattr(sys, "platform", platform)
    paths = find_paths({"HOME": str(tmp_path)})
    assert paths.config == tmp_path / config
    assert paths.state == tmp_path / state
    assert paths.secrets == paths.config.with_name("secrets.json")


def test_a_tilde_on_windows_is_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no HOME, as on Windows, `~` is what USERPROFILE says."""
    monkeypatch.setattr(sys, "platform", "win32")
    paths = find_paths({"USERPROFILE": "/users/ada"}, "~/c.toml", "~/state")
    assert paths[:2] == (Path("/users/ada/c.toml"), Path("/users/ada/state"))


def test_a_time_zone_where_the_system_knows_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any time zones, as on Windows, it is said what to install, not that the zone is unknown."""
    import zoneinfo

    def none(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", none)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    home.write_config(
        '[providers.den]\nformat = "openai"\nurl = "http://127.0.0.1:9"\n'
        'rate_limit = { rpd = 5, reset_tz = "America/Los_Angeles" }\n'
    )
    done = home.here("config", "check")
    assert done.code == 4
    assert "no time zones here" in done.err
    assert "ip can install tzdata" in done.err


# --- streams ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_stream_is_opened_in_an_encoding_of_the_locale(home: Home) -> None:
    """Each file is opened as what it is: Python's own warning of a forgotten encoding is an error here."""
    home.write_config(
        '[providers.den]\nformat = "openai"\nurl = "http://127.0.0.1:9"\n[[models]]\nid = "den/größe"\n'
    )
    code = (
        "import warnings; warnings.filterwarnings('error', category=EncodingWarning, module='llmpool')\n"
        "from llmpool.cli.app import run\n"
        "for words in {lines!r}:\n"
        "    try: code = run(words.split())\n"
        "    except SystemExit as ended: code = ended.code\n"
        "    assert code in (0, 7, 9), (words, code)\n"
    )
    lines = (
        "models list;route hi;chat hi;usage;policy set den --state flagged;policy export;refresh;"
        "doctor --offline;config show;providers import;completion zsh;usage export -o u.jsonl;"
        "config export;init --yes"
    )
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", code.format(lines=lines.split(";"))],
        env=home.env | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        cwd=home.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_powershell_is_completed(home: Home) -> None:
    """`completion powershell` prints a script that registers llmpool and asks it by its own variable."""
    script = home.here("completion", "powershell").out
    assert "Register-ArgumentCompleter" in script
    assert "llmpool" in script
    assert "_LLMPOOL_COMPLETE" in script
    assert script.count("{") == script.count("}")


# --- line editing ----------------------------------------------------------------------------------------


class Libedit:
    """Importing this module enables command line editing using libedit readline."""  # as it says itself

    def __init__(self, **attributes: str) -> None:
        vars(self).update(attributes)
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name == "backend":
            raise AttributeError(name)
        return lambda *given: self.told.append(" ".join([name, *map(str, given)]))


@pytest.mark.parametrize(
    "libedit", [Libedit(), Libedit(__doc__="", backend="editline")], ids=["3.11", "3.13"]
)
def test_libedit_is_spoken_to_in_its_own_words(libedit: Libedit, monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS TAB is bound as libedit binds keys, nothing of GNU readline is said, no colour is marked."""
    monkeypatch.setitem(sys.modules, "readline", libedit)  # type: ignore[arg-type]
    terminal = SimpleNamespace(is_terminal=True, paint=lambda text, _style: f"\x1b[1m{text}\x1b[0m")
    editor = line_editor.LineEditor(terminal, lambda _line, _at: [])  # type: ignore[arg-type]
    assert [said for said in libedit.told if "bind" in said] == ["parse_and_bind bind ^I rl_complete"]
    assert editor._painted("> ") == "> "


def test_without_readline_a_line_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python has no readline, as on Windows, a person types without editing, and nothing is missed."""
    monkeypatch.setitem(sys.modules, "readline", None)
    terminal = SimpleNamespace(is_terminal=True, paint=lambda text, _style: text)
    editor = line_editor.LineEditor(terminal, lambda _line, _at: [])  # type: ignore[arg-type]
    monkeypatch.setattr("builtins.input", lambda prompt: f"{prompt}typed")
    editor.know(["before"])
    assert editor.read("> ") == "> typed"
