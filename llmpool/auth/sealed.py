"""Sealing with a passphrase: scrypt makes the key, AES-256-GCM keeps secret and detects every change.

A sealed text is `enc:v1:scrypt:17:8:1:SALT:DATA`: the logarithm of scrypt's n, its r and p, then base64 of
the salt and of nonce, ciphertext and tag. All of it that stands before DATA is authenticated, and so is what
the caller binds to it. `cryptography` is loaded only here, and only when something is sealed or opened.
"""

from __future__ import annotations

import base64
import os
import re

from llmpool.errors import NoCredential

MARK = "enc:v1:"
LOG_N, R, P = 17, 8, 1  # 128 MiB, about half a second
_LARGEST = (20, 16, 4, 1 << 28)  # of a stranger's parameters, and of the memory they ask for: 256 MiB
_SALT, _NONCE = 16, 12
_SHAPE = re.compile(r"enc:v1:scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9+/=]{4,88}):([A-Za-z0-9+/=]+)\Z")


def seal(content: bytes, passphrase: str, bound: bytes = b"") -> str:
    """Seal *content*; it opens only with the same passphrase and the same *bound*, which is not kept."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    head = f"{MARK}scrypt:{LOG_N}:{R}:{P}:{base64.b64encode(salt).decode()}:"
    key = _key(passphrase, salt, LOG_N, R, P)
    data = nonce + AESGCM(key).encrypt(nonce, content, head.encode() + bound)
    return head + base64.b64encode(data).decode()


def opened(sealed: str, passphrase: str, bound: bytes = b"") -> bytes:
    """Open what `seal` made; raises NoCredential for a wrong passphrase, and for anything changed since."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    found = _SHAPE.match(sealed)
    if found is None:
        raise NoCredential("what is sealed here is damaged, or not sealed by llmpool", hint=_AGAIN)
    log_n, r, p = (int(number) for number in found.groups()[:3])
    if (
        not (1 <= log_n <= _LARGEST[0] and 1 <= r <= _LARGEST[1] and 1 <= p <= _LARGEST[2])
        or (128 * r << log_n) > _LARGEST[3]
    ):
        raise NoCredential(
            "what is sealed here asks for more memory than is sensible, so it is refused", hint=_AGAIN
        )
    try:
        salt, data = (base64.b64decode(text, validate=True) for text in found.groups()[3:])
        key = _key(passphrase, salt, log_n, r, p)
        head = sealed[: found.start(5)].encode()
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], head + bound)
    except (InvalidTag, ValueError):  # ValueError: base64 cut short, or less than a nonce
        raise NoCredential(
            "the passphrase does not open it: it is another one, or the file was changed after it was sealed",
            hint="try again; without the keys: --no-keys",
        ) from None


_AGAIN = "export it again; without the keys: --no-keys"


def _key(passphrase: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    """Derive the key; the passphrase is normalised, so that it is the same on another keyboard."""
    import unicodedata

    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    words = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
    return Scrypt(salt=salt, length=32, n=1 << log_n, r=r, p=p).derive(words)
