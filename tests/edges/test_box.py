"""Encryption at rest: the mark, the cipher, and where the state key is (ledger spec 3.5)."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.auth import box as boxes
from llmpool.auth.box import Box
from llmpool.errors import UnusableCredential

KEY = b"01234567890123456789012345678901"
PLAIN = "sk-secret-key-12345"
SEALED = "enc:v1:AAECAwQFBgcICQoLiXE/xviKPzEyRpR3xWUtJqQm2E6mR4PlLAFaebO8bB2rXEs="


def test_example_26_decrypts() -> None:
    """AES-256-GCM, nonce, ciphertext and tag in base64 behind `enc:v1:`, nothing authenticated beside it."""
    assert Box(KEY).open(SEALED) == PLAIN


def test_example_26_is_what_sealing_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nonce of the example the same text comes out, byte for byte."""
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(count)))
    assert Box(KEY).seal(PLAIN) == SEALED


@given(st.text(), st.binary())
def test_what_is_sealed_opens_again(text: str, key: bytes) -> None:
    """Any text with any key; a key of another length than 32 is replaced by its SHA-256."""
    assert Box(key).open(Box(key).seal(text)) == text


def test_every_sealing_has_a_nonce_of_its_own() -> None:
    """The same text is another every time."""
    assert len({Box(KEY).seal(PLAIN) for _ in range(8)}) == 8


@pytest.mark.parametrize("text", ["", "  ", SEALED])
def test_blanks_and_what_is_sealed_pass_through(text: str) -> None:
    """Nothing is sealed twice, and nothing of nothing."""
    assert Box(KEY).seal(text) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (b"another", SEALED),
        (KEY, SEALED.replace("iXE", "iXF")),
        (KEY, "enc:v1:AAEC"),
        (KEY, "enc:v1:no base64"),
        (KEY, "enc:v1:"),
    ],
)
def test_another_key_and_every_change_are_refused(key: bytes, text: str) -> None:
    """Also what is too short or no base64; the error names where the key was, and not what it opened."""
    with pytest.raises(UnusableCredential, match="the state key of the vault does not open it") as caught:
        Box(key, "the vault").open(text)
    assert "enc:v1" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (base64.b64encode(KEY) + b"\n", KEY),
        (base64.b64encode(b"0123456789abcdef"), b"0123456789abcdef"),
        (base64.b64encode(b"0123456789abcde"), base64.b64encode(b"0123456789abcde")),
        (b"my pass phrase\r\n", b"my pass phrase"),
        (b"\x00" * 31 + b"\n", b"\x00" * 31 + b"\n"),
    ],
)
def test_a_key_file_is_base64_or_the_key_itself(content: bytes, key: bytes) -> None:
    """Base64 where that decodes to 16 bytes or more; else its bytes, without the end of a line."""
    assert boxes.key_of(content) == key


def test_the_state_key_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, the file it names, the file that was noted, the keyring; nothing is none."""
    file, noted = tmp_path / "state.key", tmp_path / "noted.key"
    for path in (file, noted):
        path.touch(mode=0o600)
        path.write_bytes(base64.b64encode(KEY))
    monkeypatch.setattr(boxes, "_in_keyring", lambda: base64.b64encode(KEY).decode())
    env = {boxes.FILE_VARIABLE: str(file)}

    def source(env: dict[str, str], noted: str = "") -> str:
        found = boxes.find(env, noted)
        assert found is not None
        assert (found.open(SEALED), "0123" in repr(found)) == (PLAIN, False)
        return found.source

    assert source({boxes.VARIABLE: KEY.decode()} | env, str(noted)) == "variable LLMPOOL_STATE_KEY"
    assert source(env, str(noted)) == str(file)
    assert source({}, str(noted)) == str(noted)
    assert source({}, str(tmp_path / "gone")) == "the keyring"
    monkeypatch.setattr(boxes, "_in_keyring", lambda: "")
    assert boxes.find({}) is None


def test_a_named_file_must_be_its_owners_alone(tmp_path: Path) -> None:
    """One that is missing, open to others, empty or a link is refused with what to run."""
    file, link = tmp_path / "state.key", tmp_path / "link"
    env = {boxes.FILE_VARIABLE: str(file)}
    with pytest.raises(UnusableCredential, match="the state key is not there"):
        boxes.find(env)
    file.touch(mode=0o600)
    with pytest.raises(UnusableCredential, match="is empty"):
        boxes.find(env)
    file.write_bytes(KEY)
    file.chmod(0o640)
    with pytest.raises(UnusableCredential, match="may be read by others") as caught:
        boxes.find(env)
    assert caught.value.hint == f"chmod 600 {file}"
    file.chmod(0o600)
    link.symlink_to(file)
    with pytest.raises(UnusableCredential, match="is a symbolic link"):
        boxes.find({boxes.FILE_VARIABLE: str(link)})


def test_a_new_key_is_32_random_bytes() -> None:
    """Written as base64, which a file or the keyring can hold."""
    assert len({boxes.key_of(boxes.new_key().encode()) for _ in range(4)}) == 4
    assert len(boxes.key_of(boxes.new_key().encode())) == 32
