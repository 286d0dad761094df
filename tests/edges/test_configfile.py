"""setup.configfile: the owner's config is changed whole or not at all, in its place, with its mode."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.config.presets import presets
from llmpool.errors import ConfigInvalid, StateUnusable
from llmpool.pool import Pool, open_pool
from llmpool.setup import configfile
from llmpool.state import lock

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
BEFORE = "# mine\r\nlocal_first = true\r\n"
ADDED = '[providers.den]\npreset = "ollama"\n'


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    home = tmp_path / "home"
    home.mkdir()
    return open_pool(
        Paths(
            config=home / ".config" / "llmpool" / "config.toml",
            state=home / ".local" / "state" / "llmpool",
            secrets=home / "secrets.json",
        ),
        env={},
    )


@pytest.fixture
def umask() -> Iterator[None]:
    """Let everything through, as a careless shell does."""
    before = os.umask(0)
    yield
    os.umask(before)


@posix
def test_an_edit_by_root_leaves_the_config_its_owner(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under sudo the file would be root's, and its owner shut out; its backup is given back as well."""
    given: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((path.name, user, group)))
    path = written(pool.paths.config)
    monkeypatch.setattr(configfile, "_owner", lambda _: (70_000, 70_001))
    kept = configfile.change(pool, add, backup=True)
    assert kept is not None
    assert given == [(name, *who) for name in (kept.name, path.name) for who in ((-1, 70_001), (70_000, -1))]


def add(text: str) -> str:
    return text + ADDED


def written(path: Path, mode: int = 0o644) -> Path:
    """Write a config with that mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(BEFORE.encode())
    path.chmod(mode)
    return path


def fails_with(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_rest_of_the_file_stays_byte_for_byte(pool: Pool) -> None:
    """An edit changes nothing but what it edits, not even how lines end."""
    path = written(pool.paths.config)
    configfile.change(pool, add)
    assert path.read_bytes() == (BEFORE + ADDED).encode()


@posix
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640, 0o666])
def test_the_mode_stays(pool: Pool, mode: int) -> None:
    """A config keeps its mode, under any umask."""
    path = written(pool.paths.config, mode)
    configfile.change(pool, add)
    assert mode_of(path) == mode


@posix
@pytest.mark.usefixtures("umask")
def test_a_first_config_is_its_owners_alone(pool: Pool) -> None:
    """A new config is 0600, and every directory made on the way is 0700, even under umask 0."""
    configfile.change(pool, add)
    assert mode_of(pool.paths.config) == 0o600
    home = pool.paths.config.parents[2]
    made = [path for path in home.rglob("*") if path.is_dir()]
    assert {path.name for path in made} == {".config", ".local", "state", "llmpool"}
    assert {mode_of(path) for path in made} == {0o700}


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed(pool: Pool, tmp_path: Path, exists: bool) -> None:
    """A config that is a link is written where it points, and stays a link."""
    real = tmp_path / "dotfiles" / "config.toml"
    if exists:
        written(real)
    path = pool.paths.config
    path.parent.mkdir(parents=True)
    path.symlink_to(os.path.relpath(real, path.parent))
    configfile.change(pool, add)
    assert path.is_symlink()
    assert real.read_bytes() == ((BEFORE if exists else "") + ADDED).encode()
    assert mode_of(real) == (0o644 if exists else 0o600)


def test_a_result_that_would_not_load_changes_nothing(pool: Pool) -> None:
    """The new text is read as the config would be; its problems name the config, and nothing is written."""
    path = written(pool.paths.config)
    for wrong in ("local_first = 7", "x = [", '[providers.den]\npreset = "nobodys"\n'):
        with pytest.raises(ConfigInvalid) as caught:
            configfile.change(pool, lambda _, wrong=wrong: wrong)  # type: ignore[misc]
        assert str(path) in caught.value.message + " ".join(caught.value.lines)
    assert path.read_bytes() == BEFORE.encode()


def test_the_check_needs_no_file(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new text is checked in memory: a full disk for temporary files is no obstacle."""
    monkeypatch.setattr(tempfile, "mkdtemp", fails_with(errno.ENOSPC))
    configfile.change(pool, add)
    assert pool.paths.config.read_text() == ADDED


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("place", ["state", "config"])
def test_a_disk_that_refuses(pool: Pool, monkeypatch: pytest.MonkeyPatch, number: int, place: str) -> None:
    """A home that cannot be written ends in exit 10 with the text to paste, and the config as it was."""
    path = written(pool.paths.config)
    real = os.open

    def refuse(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        wanted = pool.paths.state if place == "state" else path.parent
        if flags & os.O_CREAT and Path(name).parent == wanted:
            raise OSError(number, os.strerror(number))
        return real(name, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StateUnusable) as caught:
        configfile.change(pool, add)
    assert caught.value.exit_code == 10
    named = (f"{path} is as it was",) if place == "state" else ()
    assert caught.value.lines == (*named, "paste this into it yourself:", *ADDED.splitlines())
    assert str(path) in caught.value.message + "".join(named)
    assert os.strerror(number) in caught.value.message
    assert ("LLMPOOL_CONFIG" if place == "config" else "LLMPOOL_STATE_DIR") in caught.value.hint
    assert path.read_bytes() == BEFORE.encode()


def test_a_directory_that_cannot_be_made(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the state directory cannot even be made, the person still gets the text, and where it goes."""
    monkeypatch.setattr(lock, "make_directory", fails_with(errno.EROFS))
    with pytest.raises(StateUnusable) as caught:
        configfile.change(pool, add)
    assert caught.value.lines[0] == f"{pool.paths.config} is as it was"
    assert caught.value.lines[2:] == tuple(ADDED.splitlines())


@pytest.mark.parametrize("trouble", ["directory", "denied", "circle"])
def test_a_config_that_cannot_be_read(pool: Pool, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    """A config that cannot be read is not guessed at: exit 10, with the text to paste."""
    path = pool.paths.config
    path.parent.mkdir(parents=True)
    if trouble == "directory":
        path.mkdir()
    elif trouble == "circle":
        path.symlink_to(path.name)
    else:
        path.touch()
        monkeypatch.setattr(Path, "read_bytes", fails_with(errno.EACCES))
    with pytest.raises(StateUnusable) as caught:
        configfile.change(pool, add)
    assert str(path) in caught.value.message
    assert "LLMPOOL_CONFIG" in caught.value.hint
    assert caught.value.lines[1:] == tuple(ADDED.splitlines())


def test_what_replaces_lines_is_given_in_full(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit in the middle cannot be pasted at the end, so the whole text is given."""
    written(pool.paths.config)
    monkeypatch.setattr(lock, "open_private", fails_with(errno.EROFS))
    with pytest.raises(StateUnusable) as caught:
        configfile.change(pool, lambda text: text.replace("true", "false"))
    assert caught.value.lines[1:] == ("paste this in its place yourself:", "# mine", "local_first = false")


def test_a_config_in_another_encoding(pool: Pool) -> None:
    """A config that is no UTF-8 is one with a problem, not a bug; an edit never writes over it."""
    path = written(pool.paths.config)
    path.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigInvalid, match="UTF-8"):
        configfile.change(pool, add)
    assert path.read_bytes() == b"# \xff\n"


def test_what_an_edit_needs_is_loaded_before_the_lock(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for the edit, and not for modules and presets that it reads."""
    taken: list[int] = []

    def taking(path: Path) -> AbstractContextManager[None]:
        taken.append(presets.cache_info().currsize)
        return lock.locked(path)

    written(pool.paths.config)
    presets.cache_clear()
    monkeypatch.setattr(configfile, "locked", taking)
    configfile.change(pool, add)
    assert taken == [1]
