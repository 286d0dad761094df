"""Blots out a call's own secrets wherever a server quotes them: nothing it says comes by another way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from llmpool.core.wire import SECRET_WORDS, Hidden

SHORTEST = 8  # what is shorter stands in too many texts that quote nothing
BEGINNING = 8  # so much of a secret where a text breaks off is taken for its beginning
NO_SECRETS = ("lm-studio", "not-needed", "no-key-required")  # written where a field must not be empty
STARS = "***"
_EDGE = "[A-Za-z0-9+/_-]?"  # of what is packed: a bit of the secret may be in it, or of what is beside it
_NAMED = {"&": "|amp", '"': "|quot", "'": "|apos", "<": "|lt", ">": "|gt"}
_URL_SAFE = str.maketrans("+/", "-_")


class Blot:
    """What must not be shown of a call with these headers; every text of its answer goes through here."""

    def __init__(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        secrets = {secret for name, value in headers for secret in _secrets_in(name, value)}
        self._secrets = [(_telling(secret), secret) for secret in sorted(secrets, key=len, reverse=True)]
        self._packed: list[str] | None = None

    def text(self, text: str) -> str:
        """Return *text* without the secrets, however they are escaped."""
        for telling, secret in self._secrets:
            if telling in text:  # a pattern is slow, and hardly any text has what it looks for
                text = _pattern(secret).sub(STARS, text)
        return text

    def last(self, text: str) -> str:
        """Return *text*, which may break off anywhere, without the secrets and without half a secret.

        It is an answer as a whole, or the end of one: what a server packs the secrets into goes as well.
        """
        text = self._unpacked(self.text(text))
        for _, secret in self._secrets:
            start = text.find(secret[:BEGINNING], max(0, len(text) - len(secret)))
            while start >= 0 and not secret.startswith(text[start:]):
                start = text.find(secret[:BEGINNING], start + 1)
            text = text if start < 0 else text[:start] + STARS
        return text

    def _unpacked(self, text: str) -> str:
        """Return *text* without the secrets in base64 or hex, as gateways quote headers in their errors."""
        if self._packed is None:
            self._packed = [code for _, secret in self._secrets for code in _codes(secret)]
        folded = text.lower() if self._packed else ""
        for code in self._packed:
            if code[:BEGINNING].lower() in folded:
                text = re.sub(f"(?i:{_EDGE}{re.escape(code)}{_EDGE})", STARS, text)
        return text

    def body(self, body: bytes) -> bytes:
        """Return a whole body without the secrets; they are ASCII, so any reading of the bytes finds them."""
        return self.last(body.decode("latin-1")).encode("latin-1") if self._secrets else body


def _secrets_in(name: str, value: str) -> set[str]:
    """Return what a header of this name keeps secret: its value and the words of it, but for `Bearer`."""
    if not isinstance(value, Hidden) and not any(word in name.lower() for word in SECRET_WORDS):
        return set()
    words = value.split()
    parts = words[1:] or words if "auth" in name.lower() else [value, *words]
    return {part for part in parts if len(part) >= SHORTEST and part not in NO_SECRETS}


def _telling(secret: str) -> str:
    """Return the longest piece of *secret* that nothing escapes."""
    return max(re.findall("[A-Za-z0-9]+", secret), key=len, default="")


@cache
def _pattern(secret: str) -> re.Pattern[str]:
    """Match *secret* as it is, and as JSON or a URL may write it."""
    return re.compile("".join(c if c.isalnum() else _spellings(c) for c in secret))


def _spellings(mark: str) -> str:
    code = f"(?i:{ord(mark):02x})"
    page = f"&(?:#0*{ord(mark)}|#[xX]0*{code}{_NAMED.get(mark, '')});"
    return rf"(?:{page}|\\*{re.escape(mark)}|\\+u00{code}|%{code})"


@cache
def _codes(secret: str) -> tuple[str, ...]:
    """Write *secret* in hex, and in base64 at each of the places where it may begin in what is packed."""
    from binascii import b2a_base64

    raw = secret.encode()
    found = [raw.hex()]
    for before in range(3):
        packed = b2a_base64(b"-" * before + raw)
        found.append(packed[-(-before * 4 // 3) : (before + len(raw)) * 4 // 3].decode())
    return tuple(dict.fromkeys([*found, *(each.translate(_URL_SAFE) for each in found[1:])]))
