"""Read a trial licence: `payload.signature`, signed with Ed25519 over the payload's text (ledger spec 8.1).

The keys that may sign are the owner's `[trial.keys]`; none are built in. A licence contains an API key, so it
is a secret: no error here repeats any of it. What checks the signature is loaded only then.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from llmpool.auth.sealed import is_signed
from llmpool.core.provider import FORMATS
from llmpool.core.times import LAST_SECOND
from llmpool.core.trial import Terms
from llmpool.errors import UnusableCredential

_PART = re.compile(r"[A-Za-z0-9_-]+")
_LOOKS = re.compile(r"\s*[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_=-]{40,}\s*")
_MOST = (1 << 53) - 1  # tokens beyond it are no figure of a licence
_WORD = re.compile(r"[!-~]{1,512}")
_ALSO_CALLED = {"gemini": "google", "openai_responses": "responses", "openai-responses": "responses"}
_HINT = "ask whoever issued it for another one"


class License(NamedTuple):
    """A licence whose signature is good: its key, its terms, and the signature, which seals its state."""

    terms: Terms
    key: str
    signature: bytes

    def __repr__(self) -> str:
        return f"License({self.terms.kid!r}, {self.terms.issued})"


def read(text: str, keys: Mapping[str, str]) -> License:
    """Read a licence and prove it with *keys* (public keys by kid); whether it has expired is not asked here.

    Raises UnusableCredential: for what is no licence, for a kid that is not among the keys, for a signature
    that does not match.
    """
    payload, dot, signature = text.strip().partition(".")
    if not dot:
        raise _invalid("it is not two parts with a dot between them")
    claims, signed = _claims(decoded(payload)), decoded(signature)
    kid = claims.get("kid")
    if not isinstance(kid, str) or kid not in keys:
        raise _unknown("" if kid == claims.get("key") else kid)
    _prove(keys[kid], kid, payload, signed)
    terms = Terms(
        kid=kid,
        url=_url(_word(claims, "url")),
        format=_format(_word(claims, "fmt")),
        model=_word(claims, "model"),
        limit=_figure(claims, "lim"),
        issued=_figure(claims, "iat", LAST_SECOND),
        expires=_figure(claims, "exp", LAST_SECOND),
    )
    return License(terms, _word(claims, "key"), signed)


def looks_like_one(text: str) -> bool:
    """Say whether a text seems to be a licence; what does is never repeated."""
    return _LOOKS.fullmatch(text) is not None


def decoded(text: str) -> bytes:
    """Decode base64url without padding, strictly; raises UnusableCredential for anything else."""
    if not _PART.fullmatch(text) or len(text) % 4 == 1:
        raise _invalid("a part of it is not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        raise _invalid("its payload is not JSON") from None
    if not isinstance(claims, dict):
        raise _invalid("its payload is not an object")
    return claims


def _prove(public: str, kid: str, payload: str, signature: bytes) -> None:
    try:
        good = is_signed(payload.encode("ascii"), signature, base64.b64decode(public, validate=True))
    except (binascii.Error, ValueError):
        raise UnusableCredential(
            f"[trial.keys] {kid} is no Ed25519 public key",
            hint=f"llmpool config set trial.keys.{kid} BASE64   (32 bytes)",
        ) from None
    if not good:
        raise UnusableCredential(
            f'the signature of the trial licence is not that of key "{kid}"',
            hint="it was changed on its way, or [trial.keys] has another key; get it again",
        )


def _word(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise _invalid(f'its "{name}" is missing, or not what it must be')
    return value


def _figure(claims: Mapping[str, Any], name: str, most: int = _MOST) -> int:
    value = claims.get(name, 0)
    if type(value) is not int or not 0 <= value <= most:
        raise _invalid(f'its "{name}" is no count')
    return value


def _format(name: str) -> str:
    known = _ALSO_CALLED.get(name, name)
    if known not in FORMATS:
        raise _invalid("its format is not one that this llmpool speaks")
    return known


def _url(text: str) -> str:
    """Write a licence's URL anew; it must be https, name a host and carry no password."""
    try:
        parts = urlsplit(text)
        place, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid("its URL is none") from None
    if parts.scheme != "https" or not place or parts.username is not None or parts.password is not None:
        raise _invalid("its URL is not https, or names no host")
    host = f"[{place}]" if ":" in place else place
    return urlunsplit(("https", f"{host}:{port}" if port else host, parts.path, parts.query, ""))


def _invalid(why: str) -> UnusableCredential:
    return UnusableCredential(f"this is no valid trial licence: {why}", hint=_HINT)


def _unknown(kid: object) -> UnusableCredential:
    named = f'"{kid}"' if isinstance(kid, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", kid) else "it names"
    return UnusableCredential(
        f"the trial licence is signed with key {named}, which is not in [trial.keys]",
        hint="llmpool config set trial.keys.KID BASE64   (the public key of whoever issued it)",
    )
