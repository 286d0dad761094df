"""What is hostile behind a good signature: the claims of a licence, and what is used of a trial.

Whoever signs is trusted to grant, not to write what can be read, shown and called: so every mutation is made
before it is signed, and the signature always matches.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from llmpool.auth import license as licences
from llmpool.config import edit
from llmpool.core.trial import Quota, Terms
from llmpool.errors import UnusableCredential
from llmpool.registry import trial as registry
from llmpool.setup import trial as setup
from llmpool.state import trial as state
from llmpool.usage import trial as rules
from tests import trials
from tests.fuzz import bytewise
from tests.fuzz.command_targets import ended
from tests.fuzz.file_targets import FILE
from tests.fuzz.golden import golden
from tests.fuzz.plan import Step
from tests.fuzz.promise import Target, fit, kept, refused_or_read, sound
from tests.fuzz.wire_targets import NOW

KEY = trials.KEY.encode()
SHORTEST = 9  # characters
SIGNATURE = bytes(range(64))
STANDS = {
    "tokens_used": 10,
    "exhausted": True,
    "exhausted_reason": "token_limit",
    "last_updated": "2026-11-21T03:44:00Z",
    "hwm": int(NOW),
    "license_iat": 1700000000,
}
AFTER = (
    ("providers", "trial", "status"),
    ("providers", "trial", "status", "--json"),
    ("providers", "show", "trial"),
    ("models", "list"),
    ("route", "hello", "--json"),
    ("chat", "--dry-run", "hello"),
    ("doctor", "--json"),
    ("config", "check"),
)


def signed(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate the claims of a licence, and sign what comes of it."""
    return trials.signed(bytewise.json_document(content, steps)).encode()


def sealed(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate what is used of a trial, and seal what comes of it."""
    text = trials.encoded(bytewise.json_document(content, steps))
    return f"{text}.{trials.encoded(state._mac(text, SIGNATURE))}".encode()


def read_licence(content: bytes) -> None:
    """Read a licence whose signature is good: it is refused without its key, or all of it can be used."""
    try:
        found = licences.read(content.decode(), trials.KEYS)
    except UnusableCredential as error:
        said = error.message
        fit(said)
    else:
        said = repr(found)
        _usable(found)
    key = _key(content)
    assert not key or key not in said, "the key is repeated"


def _key(content: bytes) -> str:
    """Return the key that is claimed; nothing where it is so short that it may stand anywhere."""
    with suppress(ValueError, KeyError, TypeError, RecursionError, UnusableCredential):
        key = str(json.loads(licences.decoded(content.decode().partition(".")[0]))["key"])
        return key if len(key) >= SHORTEST else ""
    return ""


def _usable(found: licences.License) -> None:
    """Hold that its terms can be kept, and be counted against from nothing to their end."""
    sound(found.terms)
    terms = state._terms(json.loads(kept(found.terms)))
    assert terms == found.terms
    _routed(found.terms)
    fresh = rules.started(found.terms, rules.Found(missing=True), NOW)
    for used in (0, found.terms.limit):
        quota = rules.counted(fresh, found.terms, used, NOW)
        assert state.opened(state.seal(quota, found.signature), found.signature) == quota
        _told(found.terms, quota)


def _routed(terms: Terms) -> None:
    """Hold that its address is one that can be called, and its table one that the config takes."""
    import httpx

    place = httpx.URL(terms.url)
    assert place.scheme == "https", terms
    assert place.host, terms
    assert httpx.URL(terms.url.rstrip("/") + "/v1/messages").host == place.host, terms
    registry.declared((), terms)
    edit.with_provider("", "trial", setup._fields(terms, "file"))


def _told(terms: Terms, quota: Quota) -> None:
    """Hold that all that is said of a trial can be shown, and its times be read."""
    fit(rules.told(terms, quota))
    document = setup.document(setup.Stands(terms, quota), NOW)
    for name, value in document.items():
        fit(str(value))
        if name.endswith("_at") and value:
            assert datetime.fromisoformat(value).tzinfo, (name, value)


def read_quota(content: bytes) -> None:
    """Open what is used of a trial, and go on counting."""
    quota = state.opened(content.decode(), SIGNATURE)
    terms = Terms(kid="t1", url="https://a.test", format="openai", model="m", limit=1000, issued=1700000000)
    with refused_or_read():
        stands = rules.started(terms, rules.Found(quota, quota.issued if quota else 0), NOW)
        counted = rules.counted(stands, terms, 5, NOW)
        assert state.opened(state.seal(counted, SIGNATURE), SIGNATURE) == counted
        _told(terms, counted)


def installed(content: bytes) -> None:
    """Install it, and look at it in every way."""
    home = golden()
    home.restore()
    (home.home.cwd / FILE).write_bytes(content)
    ended(home, ("providers", "trial", "install", FILE, "--plaintext"))
    for words in AFTER:
        ended(home, words)
    if _key(content) == trials.KEY and licences.decoded(content.decode().partition(".")[0]).count(KEY) == 1:
        assert home.home.files_with(trials.KEY) == [], "the key is kept"


def _claims() -> list[bytes]:
    return [
        json.dumps(trials.CLAIMS | changes).encode()
        for changes in ({}, {"exp": int(NOW) + 86400, "fmt": "openai"}, {"lim": 0}, {"fmt": "gemini"})
    ]


TARGETS = [
    Target("parse-signed", _claims, signed, read_licence),
    Target("parse-used", lambda: [json.dumps(STANDS).encode()], sealed, read_quota),
    Target("file-signed", _claims, signed, installed),
]
