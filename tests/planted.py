"""Secrets that are planted where their owners keep them, and looked for everywhere else.

A secret's body is made of pieces of ten letters and digits. A mask never shows a whole piece, and whatever
else shows fifteen characters of the secret in a row does, so the pieces are what is looked for: as they are,
and in hex and base64. Escapes of JSON and URLs leave letters and digits alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

PIECE, PIECES = 10, 4
_ALPHABET = "abcdefghjkmnpqrstuvwxyz"  # no digits first: a piece is no number, no hash and no time


def planted(name: str, prefix: str = "sk-") -> str:
    """Make the secret *name*, always the same one."""
    digest = hashlib.sha512(name.encode()).digest()
    letters = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[: PIECE * PIECES])
    return prefix + letters


@cache
def needles(secret: str) -> tuple[bytes, ...]:
    """Return what gives a secret away, in any of the ways it may be written."""
    body = secret[-PIECE * PIECES :]
    pieces = [body[start : start + PIECE].encode() for start in range(0, len(body), PIECE)]
    packed = [base64.b64encode(b"-" * shift + body.encode())[4:36] for shift in range(3)]
    return (*pieces, *(piece.hex().encode() for piece in pieces), *packed, body[::-1][:PIECE].encode())


def shown_in(content: bytes, secrets: Iterable[str]) -> list[str]:
    """Return those of *secrets* that are in *content*, whole or in part."""
    return [secret for secret in secrets if any(needle in content for needle in needles(secret))]


class Search:
    """Looks through a directory for secrets, again and again; only what was written since is read again.

    *places* are the files, by path from the directory, where a secret (by name) may be.
    """

    def __init__(self, directory: Path, secrets: Mapping[str, str], places: Mapping[str, set[str]]) -> None:
        self._directory = directory
        self._secrets = dict(secrets)
        self._places = {name: set(files) for name, files in places.items()}
        self._seen: dict[Path, tuple[int, int]] = {}

    def allow(self, name: str, *files: str) -> None:
        """Let a secret be in *files*, too."""
        self._places.setdefault(name, set()).update(files)

    def in_text(self, *texts: str, but: Iterable[str] = ()) -> list[str]:
        """Name the secrets in *texts*, save those that may be there."""
        content = "\n".join(texts).encode("utf-8", "surrogateescape")
        return sorted(
            name for name, value in self._secrets.items() if name not in but and shown_in(content, [value])
        )

    def in_files(self) -> list[str]:
        """Name `secret in file` for every secret that is in a file where it has no place."""
        found = []
        for path in sorted(self._directory.rglob("*")):
            if path.is_symlink() or not path.is_file() or not self._is_new(path):
                continue
            where, content = str(path.relative_to(self._directory)), path.read_bytes()
            found += [
                f"{name} in {where}"
                for name, value in self._secrets.items()
                if where not in self._places.get(name, ()) and shown_in(content, [value])
            ]
        return found

    def _is_new(self, path: Path) -> bool:
        stamp = (path.stat().st_ino, path.stat().st_mtime_ns)
        known = self._seen.get(path)
        self._seen[path] = stamp
        return known != stamp
