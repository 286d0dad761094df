"""Files with secrets in them: through no link, of nobody else, open to nobody else; and made that way."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from llmpool.auth import box as boxes
from llmpool.auth import keyfile, secrets
from llmpool.auth.box import Box
from llmpool.core.provider import KeyRef
from llmpool.core.word import word
from llmpool.errors import LlmpoolError, UnusableCredential
from llmpool.state import jsonfile, tokens
from llmpool.state.tokens import Passing
from tests import trials
from tests.fakes.server import FakeServer
from tests.planted import planted, shown_in
from tests.support import Home, model, provider
from tests.watching import watching

KEY, OTHER = planted("a key in a file"), planted("another")
BOX = Box(KEY.encode())
posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")
as_root = pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")

Act = Callable[[Path], object]


def read_key(path: Path) -> str:
    """Read the one key of a key file."""
    return secrets.read_key(KeyRef(label="a", source="file"), "p", {}, path)


def put(path: Path) -> None:
    """Put one more key into a key file."""
    keyfile.put(path, "p", "b", OTHER, box=None, plaintext=True, update=jsonfile.update)


def put_sealed(path: Path) -> None:
    """Encrypt a key file, with one more key."""
    keyfile.put(path, "p", "b", OTHER, box=BOX, update=jsonfile.update)


def drop(path: Path) -> None:
    """Take the key out of a key file."""
    keyfile.drop(path, "p", "a", update=jsonfile.update)


def written(path: Path) -> None:
    """Write a key file with one key."""
    keyfile.put(path, "p", "a", KEY, box=None, plaintext=True, update=jsonfile.update)


def state_key(path: Path) -> None:
    """Write a file with a state key."""
    jsonfile.write_atomic(path, KEY.encode())


ACTS: dict[str, tuple[Act, Act]] = {  # how the file comes to be, and what is done with it
    "a key is read": (written, read_key),
    "a key is put": (written, put),
    "a key is sealed": (written, put_sealed),
    "a key is dropped": (written, drop),
    "labels are read": (written, keyfile.labels),
    "the state key is read": (state_key, boxes.of_file),
    "the state key is found": (state_key, lambda path: boxes.find({boxes.FILE_VARIABLE: str(path)})),
}
every_act = pytest.mark.parametrize("act", ACTS)


def refused(act: str, path: Path) -> UnusableCredential:
    """Do it, and return how it was refused; a FIFO that is waited for is a failure."""
    done: list[BaseException | None] = []

    def attempt() -> None:
        try:
            ACTS[act][1](path)
        except LlmpoolError as error:
            done.append(error)
        else:
            done.append(None)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(60)
    assert done, "it waits"
    error = done[0]
    assert isinstance(error, UnusableCredential), repr(error)
    assert str(path) in error.message + error.hint
    assert shown_in(f"{error!r}{error.message}{error.hint}{error.lines}".encode(), (KEY, OTHER)) == []
    return error


def made(act: str, directory: Path) -> Path:
    """Make the file of an act, under a name that a shell would take apart."""
    path = directory / "my 'own' dir" / "secrets.json"
    ACTS[act][0](path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path


@posix
@every_act
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_what_others_may_touch_is_refused_until_its_chmod_is_run(tmp_path: Path, act: str, mode: int) -> None:
    """The command that is named is the one that mends it, whatever the path looks like."""
    path = made(act, tmp_path)
    path.chmod(mode)
    before = path.read_bytes()
    hint = refused(act, path).hint
    assert hint == f"chmod 600 {word(path)}"
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (before, mode)
    subprocess.run(["sh", "-c", hint], check=True)
    ACTS[act][1](path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@every_act
@pytest.mark.parametrize("where", ["to a good file", "to nothing", "to a directory", "to itself"])
def test_a_link_is_not_followed(tmp_path: Path, act: str, where: str) -> None:
    """Neither to read nor to write; what it points to stays as it is, and nothing comes to be there."""
    good = made(act, tmp_path)
    link = tmp_path / "secrets.json"
    target = {
        "to a good file": good,
        "to nothing": tmp_path / "nothing",
        "to a directory": tmp_path,
        "to itself": link,
    }[where]
    link.symlink_to(target)
    before = good.read_bytes()
    assert "is a symbolic link, which is not followed" in refused(act, link).message
    assert (link.is_symlink(), good.read_bytes()) == (True, before)
    assert not (tmp_path / "nothing").exists()


@as_root
@every_act
def test_the_file_of_somebody_else_is_refused(tmp_path: Path, act: str) -> None:
    """Whoever can put a file there would have calls made with a key of theirs; the chown is named."""
    path = made(act, tmp_path)
    os.chown(path, 12345, 12345)
    before = path.read_bytes()
    error = refused(act, path)
    assert "belongs to another user (uid 12345)" in error.message
    assert error.hint == f"sudo chown {os.getuid()} {word(path)}"
    assert (path.read_bytes(), path.stat().st_uid) == (before, 12345)


@posix
@every_act
@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a device"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, act: str, kind: str) -> None:
    """A FIFO that nobody writes to would be waited for without end."""
    path = tmp_path / "secrets.json"
    if kind == "a FIFO":
        os.mkfifo(path, 0o600)
    elif kind == "a directory":
        path.mkdir(0o700)
    elif os.getuid() == 0:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    else:
        pytest.skip("only root makes devices")
    before = path.lstat()
    refused(act, path)
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)


@posix
def test_a_hard_link_gets_nothing_new(tmp_path: Path) -> None:
    """A second name of the file is the same file; a write makes a new one, which only the first name has."""
    path, copy = tmp_path / "secrets.json", tmp_path / "copy"
    written(path)
    copy.hardlink_to(path)
    assert read_key(path) == KEY
    put(path)
    assert (path.stat().st_nlink, copy.stat().st_nlink) == (1, 1)
    assert OTHER in path.read_text()
    assert OTHER not in copy.read_text()


@posix
@pytest.mark.parametrize("harm", ["open", "link", "fifo"])
def test_tokens_that_others_could_have_written_are_not_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    """They are had anew; the warning names the file and shows nothing of it."""
    path, place = tmp_path / tokens.NAME, ("p", "oat_1", "access")
    tokens.keep(tmp_path, place, Passing(KEY, 4e9), 0.0)
    assert tokens.read(tmp_path)[place].token == KEY
    if harm == "open":
        path.chmod(0o644)
    elif harm == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        os.mkfifo(path, 0o600)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(tokens.read(tmp_path)), daemon=True)
    thread.start()
    thread.join(60)
    assert found == [{}]
    assert KEY not in capsys.readouterr().err


@posix
def test_a_refused_file_ends_a_call_before_it_is_made(home: Home, server: FakeServer) -> None:
    """Exit 5 with the command to run; with `--json` it is the hint. Nobody is asked without a key instead."""
    home.write_config(provider("p", server.url, key={"file": True}), model("p/m"))
    path = home.config.with_name("secrets.json")
    keyfile.put(path, "p", "default", KEY, box=None, plaintext=True, update=jsonfile.update)
    assert home.here("chat", "hi").code == 0
    path.chmod(0o644)
    asked = len(server.requests)
    plain, document = home.here("chat", "hi"), home.here("chat", "hi", "--json", "--traceback")
    assert (plain.code, document.code, len(server.requests)) == (5, 5, asked)
    assert f"chmod 600 {path}" in plain.err
    assert document.error["hint"] == f"chmod 600 {path}"
    for line in (("providers", "keys", "add", "p", "--key-stdin"), ("providers", "keys", "encrypt")):
        assert home.here(*line, stdin=OTHER, env={boxes.VARIABLE: "k"}).code == 5
    assert OTHER not in path.read_text()


FIRST = (  # what makes files where none were, each in a home of its own
    ("init", "--yes", "--no-embedded"),
    ("providers", "keys", "add", "p", "--key-stdin", "--keep", "file", "--plaintext"),
    ("providers", "keys", "encrypt", "--state-key-file", "far/away/state.key"),
    ("providers", "trial", "install", "-", "--plaintext"),
    ("refresh",),
    ("chat", "--session", "s", "--tag", "t", "hi"),
    ("route", "--record", "hi"),
    ("config", "export", "out.llmpool"),
    ("usage", "export", "-o", "usage.csv"),
    ("policy", "set", "p", "--state", "flagged", "--reason", "r", "--yes"),
    ("usage", "prices", "set", "p/m", "--input", "1", "--output", "2"),
)


@posix
@pytest.mark.parametrize("command", FIRST, ids=" ".join)
def test_all_that_a_run_makes_is_its_owners_alone_from_the_start(
    home: Home, server: FakeServer, command: tuple[str, ...]
) -> None:
    """With a umask that takes nothing away: 0600 and 0700 at creation, directories above included."""
    home.config, home.state = home.dir / "new/etc/config.toml", home.dir / "new/var/lib/state"
    home.env |= {"LLMPOOL_CONFIG": str(home.config), "LLMPOOL_STATE_DIR": str(home.state)}
    if command[0] != "init":
        home.config.parent.mkdir(parents=True)
        home.write_config(provider("p", server.url), model("p/m"), trials.TABLE)
        home.config.chmod(0o600)
    with watching(home.dir) as watched:
        done = home.here(
            *command, stdin=trials.WORKED if "trial" in command else KEY, env={"OPENAI_BASE_URL": server.url}
        )
    assert done.code == 0, done
    assert watched.made
    assert watched.exposed == []


@posix
def test_a_config_stays_as_open_as_its_owner_made_it(home: Home) -> None:
    """A new one is the owner's alone; one that is shared on purpose, and has no key in it, stays shared."""
    home.write_config(provider("p", "http://127.0.0.1:9/v1"))
    for mode in (0o600, 0o644, 0o400):
        home.config.chmod(mode)
        with watching(home.dir):
            assert home.here("config", "set", "providers.p.priority", str(mode)).code == 0
        assert stat.S_IMODE(home.config.stat().st_mode) == mode


@posix
def test_what_was_there_keeps_its_mode_and_what_comes_is_private(home: Home, server: FakeServer) -> None:
    """Directories that their owner has opened stay so; the files in them are nobody else's all the same."""
    home.state.mkdir(mode=0o755)
    home.state.chmod(0o755)
    home.write_config(provider("p", server.url), model("p/m"))
    with watching(home.dir) as watched:
        assert home.here("chat", "--session", "s", "hi").code == 0
    assert (stat.S_IMODE(home.state.stat().st_mode), watched.exposed) == (0o755, [])


def test_what_seals_shows_nothing_of_itself() -> None:
    """Neither its key nor what it seals."""
    sealed = BOX.seal(OTHER)
    assert shown_in(f"{BOX!r}{sealed}{keyfile.Held({'p': {'a': OTHER}})!r}".encode(), (KEY, OTHER)) == []
    with pytest.raises(UnusableCredential) as told:
        partial(Box(b"other").open, sealed)()
    assert shown_in(f"{told.value!r}{told.value.message}".encode(), (KEY, OTHER)) == []
