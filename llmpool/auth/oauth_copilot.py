"""GitHub Copilot: its calls are made with a token that lasts half an hour, had for a GitHub token (spec 5.6).

GitHub describes none of this; it is tested against fakes only.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple
from urllib.parse import urlsplit

from llmpool.auth.oauth import Application, Clock, LoginFailed, call, fields_of, refusal, token
from llmpool.core.times import LAST_SECOND
from llmpool.core.wire import Answer, Call
from llmpool.formats.base import count, mapping, shown

ENDPOINT = "https://api.githubcopilot.com"
PATH = "/copilot_internal/v2/token"
MARGIN = 300.0  # seconds ahead of its end that a token is not used any more
_LASTS = 1500.0  # of a token whose end is not told as a whole number
_TIERS = (  # the first that a sku has a word of
    ("Enterprise", ("enterprise",)),
    ("Business", ("business",)),
    ("Pro+", ("pro_plus",)),
    ("Pro", ("individual",)),
    ("Free", ("free", "educational")),
)
_EXACTLY = {"": "Free", "copilot_pro": "Pro"}


class Exchanged(NamedTuple):
    """The token that calls are made with, until when, and where they go."""

    token: str
    expires_at: float
    url: str

    def __repr__(self) -> str:
        return f"Exchanged({self.url!r}, expires_at={self.expires_at})"


def is_exchanged(secret: str) -> bool:
    """Say whether a secret is such a token already: a list of fields, which a GitHub token never is."""
    return ";" in secret and "=" in secret


def exchanged(app: Application, github: str, clock: Clock) -> Generator[Call, Answer, Exchanged]:
    """Change a GitHub token for one that calls are made with; LoginFailed *ends* where GitHub refuses it."""
    headers = (("authorization", f"token {github}"),)
    answer = yield call(app, "GET", app.api[0].rstrip("/") + PATH, headers)
    if answer.status != 200:
        error = refusal(answer, "exchange_failed", github)
        error.ends = answer.status == 401
        raise error
    known = fields_of(answer)
    if not known.get("token"):
        raise LoginFailed("invalid_answer", "the answer has no token")
    end = count(known.get("expires_at"))
    ends = float(end) if 0 < end < LAST_SECOND else clock() + _LASTS
    return Exchanged(token(known["token"]), ends, _endpoint(app, known))


def _endpoint(app: Application, known: dict[str, object]) -> str:
    """Return where calls go; an address that is none, or is less guarded than the exchange, is not used."""
    told = mapping(known.get("endpoints")).get("api")
    if not isinstance(told, str) or not told or shown(told, 500) != told:
        return ENDPOINT
    try:
        parts = urlsplit(told)
        named = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        named = False
    schemes = ("https",) if app.api[0].startswith("https:") else ("https", "http")
    return told.rstrip("/") if named and parts.scheme in schemes else ENDPOINT


def tier(exchanged_token: str) -> tuple[str, str]:
    """Read the tier out of an exchanged token, a `;`-separated list, and how it is named (spec 5.8)."""
    fields = dict(part.partition("=")[::2] for part in exchanged_token.split(";"))
    return tier_of(fields.get("sku", ""))


def tier_of(sku: str) -> tuple[str, str]:
    """Name the tier of a *sku*, the sku itself where it is none that is known."""
    low = sku.strip().lower()
    found = next((name for name, words in _TIERS if any(word in low for word in words)), "")
    name = _EXACTLY.get(low) or found or shown(sku.strip(), 60)
    return name, f"GitHub Copilot {name}"
