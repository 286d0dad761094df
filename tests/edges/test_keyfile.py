"""secrets.json: who may read it, what may lie in it, and what becomes of it with a state key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llmpool.auth import keyfile
from llmpool.auth.box import Box
from llmpool.errors import LlmpoolError, Misuse, NoCredential, StateUnusable, UnusableCredential
from llmpool.state import jsonfile
from tests.support import PLANTED_KEY

BOX = Box(b"k" * 32, "the test")
SEALED = "enc:v1:AAECAwQFBgcICQoLiXE/xviKPzEyRpR3xWUtJqQm2E6mR4PlLAFaebO8bB2rXEs="  # of example 26


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a key file that is not there yet, in a directory that is not there either."""
    return tmp_path / "config" / "secrets.json"


def put(path: Path, label: str, key: str, box: Box | None = None, *, plaintext: bool = False) -> None:
    """Put a key of the provider `work`."""
    keyfile.put(path, "work", label, key, box=box, plaintext=plaintext, update=jsonfile.update)


def take(path: Path, label: str, box: Box | None = None) -> str:
    """Take a key of the provider `work`."""
    return keyfile.take(path, "work", label, box=lambda _noted: box)


def test_without_a_state_key_its_owner_says_so_once(path: Path) -> None:
    """The refusal is honest about what mode 0600 protects; the word is remembered in the file."""
    with pytest.raises(Misuse, match="mode 0600 keeps it from other users of this machine, and nothing else"):
        put(path, "a", PLANTED_KEY)
    assert not path.exists()
    put(path, "a", PLANTED_KEY, plaintext=True)
    put(path, "b", "another")
    assert (take(path, "a"), take(path, "b")) == (PLANTED_KEY, "another")
    assert keyfile.labels(path) == {"work": ("a", "b")}
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (path.with_name("secrets.json.lock")).stat().st_mode & 0o777 == 0o600


def test_with_a_state_key_nothing_lies_in_the_clear(path: Path) -> None:
    """Example 26: after a save the file holds no key, but the mark; what lay there before is sealed too."""
    put(path, "a", PLANTED_KEY, plaintext=True)
    assert take(path, "a", BOX) == PLANTED_KEY  # a plaintext value loads unchanged with the key set
    put(path, "b", "sk-secret-key-12345", BOX)
    text = path.read_text()
    assert (PLANTED_KEY in text, "sk-secret" in text, text.count("enc:v1:")) == (False, False, 2)
    assert (take(path, "a", BOX), take(path, "b", BOX)) == (PLANTED_KEY, "sk-secret-key-12345")


def test_the_word_for_plaintext_lapses_with_encryption(path: Path) -> None:
    """Once the file is encrypted, a run without the state key does not write a key into it as it is."""
    put(path, "a", PLANTED_KEY, plaintext=True)
    put(path, "b", "another", BOX)
    with pytest.raises(Misuse, match="is encrypted, and its state key is not here"):
        put(path, "c", "third")
    assert keyfile.labels(path) == {"work": ("a", "b")}


def test_without_the_state_key_a_sealed_key_is_an_error_of_its_own(path: Path) -> None:
    """Example 26: loading fails with the encryption error; the others load (ruling on 3.5)."""
    put(path, "a", PLANTED_KEY, BOX)
    put(path, "plain", "as it is", plaintext=True)
    with pytest.raises(
        UnusableCredential, match=r'key "a" in .* is encrypted, and its state key is not here'
    ):
        take(path, "a")
    with pytest.raises(UnusableCredential, match="does not open it"):
        take(path, "a", Box(b"other"))
    assert take(path, "plain") == "as it is"


def test_one_that_cannot_be_opened_harms_no_other(path: Path) -> None:
    """A value sealed with another key is named, stays as it is, and the rest is written and read."""
    held = {"version": 1, "data": {"keys": {"work": {"old": SEALED}}}}
    path.parent.mkdir()
    path.write_text(json.dumps(held))
    path.chmod(0o600)
    with pytest.raises(UnusableCredential, match="opens none of the encrypted keys"):
        put(path, "new", PLANTED_KEY, BOX)  # a slip in the state key would lock the file in two
    held["data"]["keys"]["work"]["mine"] = BOX.seal("mine")  # type: ignore[index]
    path.write_text(json.dumps(held))
    put(path, "new", PLANTED_KEY, BOX)
    assert take(path, "new", BOX) == PLANTED_KEY
    assert keyfile.faulty(keyfile.read(path), BOX) == [("work", "old")]
    assert SEALED in path.read_text()


def test_what_was_decided_survives_every_write(path: Path) -> None:
    """The file of the state key stays noted; a key that is taken out leaves the others."""
    keyfile.put_all(
        path, {("a", "1"): "x", ("b", "1"): "y"}, box=BOX, update=jsonfile.update, state_key="/k/state.key"
    )
    noted: list[str] = []
    keyfile.take(path, "a", "1", box=lambda place: noted.append(place) or BOX)  # type: ignore[func-returns-value]
    assert noted == ["/k/state.key"]
    assert keyfile.drop(path, "a", "1", update=jsonfile.update)
    assert not keyfile.drop(path, "a", "1", update=jsonfile.update)
    assert not keyfile.drop(path.with_name("none.json"), "a", "1", update=jsonfile.update)
    assert (keyfile.labels(path), keyfile.read(path).state_key) == ({"b": ("1",)}, "/k/state.key")


def test_a_link_is_followed_neither_to_read_nor_to_write(path: Path, tmp_path: Path) -> None:
    """It could lead to a file that somebody else chose; what it leads to is not touched."""
    real = tmp_path / "real.json"
    put(real, "a", PLANTED_KEY, plaintext=True)
    before = real.read_bytes()
    path.parent.mkdir()
    path.symlink_to(real)
    for act in (lambda: take(path, "a"), lambda: put(path, "b", "x", plaintext=True)):
        with pytest.raises(UnusableCredential, match="is a symbolic link"):
            act()
    assert (real.read_bytes(), path.is_symlink()) == (before, True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_file_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    """With the chmod to run; neither reading nor writing repairs it behind its owner's back."""
    put(path, "a", PLANTED_KEY, plaintext=True)
    path.chmod(mode)
    for act in (lambda: take(path, "a"), lambda: put(path, "b", "x"), lambda: keyfile.labels(path)):
        with pytest.raises(UnusableCredential, match="may be read by others") as caught:
            act()
        assert caught.value.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    assert take(path, "a") == PLANTED_KEY


def test_somebody_elses_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it could have put any key there."""
    put(path, "a", PLANTED_KEY, plaintext=True)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    for act in (lambda: take(path, "a"), lambda: put(path, "b", "x")):
        with pytest.raises(UnusableCredential, match="belongs to another user"):
            act()


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_refused_at_once(path: Path, kind: str) -> None:
    """A pipe would wait for ever for somebody who writes to it."""
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir(0o700)
    with pytest.raises(UnusableCredential, match=r"is no file|cannot be read"):
        take(path, "a")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version":1}',
        '{"version":1,"data":{"keys":[]}}',
        '{"version":1,"data":{"keys":{"a":1}}}',
    ],
)
def test_what_is_no_key_file_says_so(path: Path, content: str) -> None:
    """And never shows what it holds."""
    path.parent.mkdir()
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UnusableCredential, match="is not a key file of llmpool"):
        take(path, "a")


def test_a_newer_file_is_not_touched(path: Path) -> None:
    """It says more than this version could keep."""
    path.parent.mkdir()
    path.write_text('{"version": 2, "data": {"keys": {}}}')
    path.chmod(0o600)
    for act in (lambda: take(path, "a"), lambda: put(path, "a", "x", plaintext=True)):
        with pytest.raises(StateUnusable, match="is of version 2"):
            act()


def test_a_missing_key_names_the_way(path: Path) -> None:
    """A missing file or label is a missing credential, not a fault."""
    for _ in range(2):
        with pytest.raises(NoCredential) as caught:
            take(path, "a")
        assert caught.value.hint == "llmpool providers keys replace work a"
        put(path, "other", "x", plaintext=True)


def test_no_error_repeats_a_key(path: Path) -> None:
    """Neither its message nor its hint, whatever is wrong with the file."""
    put(path, "a", PLANTED_KEY, plaintext=True)
    path.write_text(path.read_text().replace('"version":1', '"version":"x"'))
    told: list[LlmpoolError] = []
    for act in (lambda: take(path, "a"), lambda: put(path, "b", PLANTED_KEY)):
        with pytest.raises(LlmpoolError) as caught:
            act()
        told.append(caught.value)
    assert not any(PLANTED_KEY in f"{error.message}{error.hint}{error.lines}" for error in told)
    assert PLANTED_KEY not in repr(keyfile.Held({"work": {"a": PLANTED_KEY}}))
