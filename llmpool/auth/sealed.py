"""Sealing with a passphrase: scrypt makes the key, AES-256-GCM keeps secret and detects every change.

A sealed text is `enc:v1:scrypt:17:8:1:SALT:DATA`: the logarithm of scrypt's n, its r and p, then base64 of
the salt and of nonce, ciphertext and tag. All of it that stands before DATA is authenticated, and so is what
the caller binds to it. What others seal with a key of their own passes through here too, and signatures are
checked here (Ed25519), because `cryptography` is loaded only here, and only when something is to be done.
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
_DER = bytes.fromhex("302a300506032b6570032100")  # what stands before an Ed25519 key there
_SHAPE = re.compile(r"enc:v1:scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9+/=]{4,88}):([A-Za-z0-9+/=]+)\Z")


def seal(content: bytes, passphrase: str, bound: bytes = b"") -> str:
    """Seal *content*; it opens only with the same passphrase and the same *bound*, which is not kept."""
    salt = os.urandom(_SALT)
    head = f"{MARK}scrypt:{LOG_N}:{R}:{P}:{base64.b64encode(salt).decode()}:"
    key = _key(passphrase, salt, LOG_N, R, P)
    return head + base64.b64encode(encrypted(content, key, head.encode() + bound)).decode()


def opened(sealed: str, passphrase: str, bound: bytes = b"") -> bytes:
    """Open what `seal` made; raises NoCredential for a wrong passphrase, and for anything changed since."""
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
        return decrypted(data, key, head + bound)
    except ValueError:  # or base64 cut short
        raise NoCredential(
            "the passphrase does not open it: it is another one, or the file was changed after it was sealed",
            hint="try again; without the keys: --no-keys",
        ) from None


def encrypted(content: bytes, key: bytes, bound: bytes | None = None) -> bytes:
    """Return nonce, ciphertext and tag of *content* with a key of 32 bytes (AES-256-GCM)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, bound)


def decrypted(data: bytes, key: bytes, bound: bytes | None = None) -> bytes:
    """Return what `encrypted` was given; raises ValueError for another key, and for anything changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound)
    except InvalidTag:
        raise ValueError("another key, or changed since") from None


def is_signed(content: bytes, signature: bytes, public: bytes) -> bool:
    """Say whether *signature* is that of the Ed25519 key *public*; ValueError: that is no key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(public.removeprefix(_DER))
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


_AGAIN = "export it again; without the keys: --no-keys"


def _key(passphrase: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    """Derive the key; the passphrase is normalised, so that it is the same on another keyboard."""
    import unicodedata

    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    words = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
    return Scrypt(salt=salt, length=32, n=1 << log_n, r=r, p=p).derive(words)
