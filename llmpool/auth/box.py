"""Encryption at rest: `enc:v1:` and base64 of nonce, ciphertext and tag, AES-256-GCM (ledger spec 3.5).

The state key is looked for in this order: LLMPOOL_STATE_KEY as it is, the file that LLMPOOL_STATE_KEY_FILE
names (or that the key file itself has noted), the keyring (service llmpool, user state-key). One that is not
32 bytes long is replaced by its SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from llmpool.auth import sealed
from llmpool.errors import NoCredential, UnusableCredential

MARK = sealed.MARK
VARIABLE, FILE_VARIABLE = "LLMPOOL_STATE_KEY", "LLMPOOL_STATE_KEY_FILE"
KEYRING_USER = "state-key"
_BYTES = 32
_LEAST_DECODED = 16  # bytes; what decodes to fewer is no base64 of a key, but the key itself
_MOST_OF_A_FILE = 4096


class Box:
    """What seals and opens texts with one state key; *source* says where the key was, and may be shown."""

    __slots__ = ("_key", "source")

    def __init__(self, key: bytes, source: str = "") -> None:
        self._key = key if len(key) == _BYTES else hashlib.sha256(key).digest()
        self.source = source

    def __repr__(self) -> str:
        return f"Box({self.source!r})"

    def seal(self, text: str) -> str:
        """Seal *text*; what is blank, or sealed already, passes through."""
        if not text.strip() or is_sealed(text):
            return text
        data = sealed.encrypted(text.encode("utf-8", "surrogateescape"), self._key)
        return MARK + base64.b64encode(data).decode()

    def open(self, text: str) -> str:
        """Open what was sealed with this key; a text without the mark is returned as it is.

        Raises UnusableCredential for another key, and for anything changed since.
        """
        if not is_sealed(text):
            return text
        try:
            data = base64.b64decode(text.removeprefix(MARK), validate=True)
            plain = sealed.decrypted(data, self._key)
        except ValueError:  # or no base64, or shorter than a nonce
            raise UnusableCredential(
                f"the state key of {self.source or 'this run'} does not open it: it was sealed with another "
                "one, or was changed since",
                hint=f"set {VARIABLE} or {FILE_VARIABLE} to the key it was sealed with",
            ) from None
        return plain.decode("utf-8", "surrogateescape")


Find = Callable[[str], Box | None]


def is_sealed(text: str) -> bool:
    """Say whether a value carries the mark of encryption."""
    return text.startswith(MARK)


def new_key() -> str:
    """Make a state key, as it is written into the keyring or a file: base64 of 32 random bytes."""
    return base64.b64encode(os.urandom(_BYTES)).decode()


def key_of(content: bytes) -> bytes:
    """Read the content of a key file: base64 of at least 16 bytes, else the bytes themselves."""
    text = content.strip()
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) >= _LEAST_DECODED:
        return decoded
    return content if len(content) == _BYTES else content.rstrip(b"\r\n")


def find(env: Mapping[str, str], noted: str = "") -> Box | None:
    """Find the state key; None where there is none. *noted* is the file that was named when it was made.

    Raises UnusableCredential for a file that is named and cannot be used.
    """
    if text := env.get(VARIABLE, ""):
        return Box(text.encode("utf-8", "surrogateescape"), f"variable {VARIABLE}")
    named = env.get(FILE_VARIABLE, "") or noted
    if named and (env.get(FILE_VARIABLE, "") or Path(named).exists()):
        return of_file(Path(named))
    text = _in_keyring()
    return Box(key_of(text.encode()), "the keyring") if text else None


def of_file(path: Path) -> Box:
    """Read the state key in a file; one that others may read is refused, and so is a link."""
    from llmpool.auth.private import read_private

    try:
        content = read_private(path, most=_MOST_OF_A_FILE)
    except FileNotFoundError:
        raise UnusableCredential(
            f"the state key is not there: {path}", hint=f"set {FILE_VARIABLE} to where it is"
        ) from None
    if not content.strip():
        raise UnusableCredential(f"the file of the state key is empty: {path}", hint="put the key back")
    return Box(key_of(content), str(path))


def _in_keyring() -> str:
    """Ask the keyring for the state key; empty where it has none, or where there is no keyring."""
    from llmpool.auth import keyrings

    try:
        return keyrings.read(KEYRING_USER)
    except NoCredential:
        return ""
