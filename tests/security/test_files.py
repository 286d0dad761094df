"""Files that somebody else prepared: links, directories and modes that would have us write or believe his."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from llmpool import embedded
from llmpool.embedded import check_private, embedded_dir, make_private_dirs, model_file, models_dir, server
from llmpool.errors import StateUnusable
from llmpool.state.jsonfile import write_atomic
from llmpool.state.newfile import new_file
from tests.fakes.server import FakeServer
from tests.planted import planted
from tests.support import Home, provider

KEY = planted("a key of mine")
posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")
pytestmark = posix


def foreign(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have *path* belong to somebody who is neither this user nor root."""
    if os.getuid() == 0:
        os.chown(path, 4321, -1)
    monkeypatch.setattr(os, "getuid", lambda: 4322)


def test_a_config_that_everybody_may_write_gets_no_key(home: Home) -> None:
    """Whoever writes it says where keys go and what is run for them: neither happens until that is mended."""
    with FakeServer(["m"]) as sky:
        home.write_config(
            provider("sky", sky.url, key={"env": "K"}),
            provider("run", sky.url, key={"command": ["touch", str(home.dir / "pwned")]}),
            provider("head", sky.url, headers={"X-Key": {"env": "K"}}),
            provider("free", sky.url),
        )
        home.env["K"] = KEY
        home.config.chmod(0o666)
        told = home.here("refresh")
        assert (told.code, told.err.count("while everybody may write")) == (9, 3), told
        assert f"chmod go-w {home.config}" in told.err
        assert {request.headers.get("authorization") for request in sky.requests} == {None}
        assert not any(KEY in str(request.headers) for request in sky.requests)
        assert not (home.dir / "pwned").exists()
        assert home.here("chat", "--no-stdin", "-m", "sky/m", "--force", "hi").code == 5
        home.config.chmod(0o664)  # a group of one's own, as many systems give
        assert home.here("refresh", "sky", "head").code == 0
        assert f"Bearer {KEY}" in {request.headers.get("authorization") for request in sky.requests}


@pytest.mark.parametrize("how", ["open to everybody", "of somebody else"])
def test_a_state_directory_that_others_may_change_is_not_believed(
    home: Home, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """What lies in it says where keys are sent: a thief who writes there has none sent to himself."""
    with FakeServer(["m"]) as sky, FakeServer(["m"], text="stolen") as thief:
        home.write_config(provider("sky", sky.url, key={"env": "K"}))
        home.env["K"] = KEY
        assert home.here("refresh").code == 0
        for path in home.state.glob("*.json"):
            path.write_text(path.read_text().replace(sky.url, thief.url).replace(sky.root, thief.root))
        if how == "of somebody else":
            foreign(home.state, monkeypatch)
        else:
            home.state.chmod(0o777)
        told = home.here("chat", "--no-stdin", "-m", "sky/m", "hi")
        assert (told.code, thief.requests) == (10, []), told
        assert str(home.state) in told.err
        assert home.here("doctor", "--offline").code == 9  # it tells, and does not stop at it


def test_a_state_directory_of_roots_or_of_ones_group_is_fine(home: Home) -> None:
    """Containers and shared groups are no attack."""
    home.write_config()
    home.state.mkdir(mode=0o775)
    home.state.chmod(0o775)
    assert home.here("usage").code == 0


def test_links_in_the_place_of_temporary_files_lead_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one who guesses every random name makes us fail, not write over what he points to."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    guess = f"{os.getpid()}-00000000"
    for folder, names in {"a": ("x.json",), "b": ("y.txt",), "c": ("z.json",)}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            for ending in (f".{name}.{guess}.tmp", f".{name}.{guess}", f".{name}.{os.getpid()}"):
                (tmp_path / folder / ending).symlink_to(victim)
    with pytest.raises(StateUnusable):
        write_atomic(tmp_path / "a/x.json", b"mine")
    with pytest.raises(StateUnusable), new_file(tmp_path / "b/y.txt", replace=True) as write:
        write("mine")
    with pytest.raises(FileExistsError):
        embedded.write_private(tmp_path / "c/z.json", b"mine")
    assert victim.read_text() == "precious"


def test_names_of_temporary_files_are_not_to_be_guessed(tmp_path: Path) -> None:
    """Two writes of one file in one process have temporary files of different names."""
    seen: set[str] = set()
    real = os.open

    def opened(path: str | Path, *rest: int, **more: int) -> int:
        seen.add(Path(path).name)
        return real(path, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opened)
        for _ in range(3):
            write_atomic(tmp_path / "x.json", b"1")
            embedded.write_private(tmp_path / "y.json", b"1")
    assert len({name for name in seen if name.startswith(".x.json.")}) == 3
    assert len({name for name in seen if name.startswith(".y.json.")}) == 3


@pytest.mark.parametrize("suffix", [".used", ".start", ".log"])
def test_the_embedded_server_writes_through_no_link(tmp_path: Path, suffix: str) -> None:
    """A link where a file of it should be is refused, whatever it points to."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    state = tmp_path / "state"
    make_private_dirs(state)
    place = embedded_dir(state) / f"tiny{suffix}"
    place.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        embedded.open_private(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("which", [embedded_dir, models_dir])
def test_a_model_or_a_server_that_others_could_have_put_there_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: object
) -> None:
    """A directory that others may write could say that our server is theirs, and get every prompt."""
    state = tmp_path / "state"
    make_private_dirs(state)
    model_file(state, "tiny").write_bytes(b"GGUF")
    place = which(state)  # type: ignore[operator]
    place.chmod(0o770)
    for act in (check_private, make_private_dirs, lambda state: server.ensure(state, "tiny")):
        with pytest.raises(StateUnusable, match="may be written by others") as raised:
            act(state)
        assert f"chmod go-w {place}" in raised.value.hint
    place.chmod(0o700)
    check_private(state)
    foreign(place, monkeypatch)
    with pytest.raises(StateUnusable, match="belongs to another user"):
        check_private(state)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_whatever_the_umask_files_of_the_state_are_private(home: Home, mask: int) -> None:
    """With a umask that lets everything through, with the usual one and with a strict one."""
    before = os.umask(mask)
    try:
        with FakeServer(["m"]) as sky:
            home.write_config(provider("sky", sky.url))
            assert home.here("refresh").code == 0
            assert home.here("chat", "--no-stdin", "--session", "s", "-m", "sky/m", "hi").code == 0
            assert home.here("usage").code == 0
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in home.state.rglob("*")}
    assert modes == {0}
