"""Trial licences for tests, signed with the public test key of the spec (its seed is 32 bytes of 0x01)."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from llmpool.auth import license as licences
from llmpool.core.trial import Quota
from llmpool.state import trial as state
from tests.support import Home, Result, provider

KEY = "sk-trial-0001"
CLAIMS = {
    "kid": "t1",
    "key": KEY,
    "url": "https://trial.example.test/",
    "lim": 10000,
    "iat": 1700000000,
    "exp": 0,
    "fmt": "anthropic",
    "model": "claude-haiku-4-5",
}
WORKED = (  # example 39
    "eyJraWQiOiJ0MSIsImtleSI6InNrLXRyaWFsLTAwMDEiLCJ1cmwiOiJodHRwczovL3RyaWFsLmV4YW1wbGUudGVzdC8iLCJsaW0iOjEw"
    "MDAwLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MCwiZm10IjoiYW50aHJvcGljIiwibW9kZWwiOiJjbGF1ZGUtaGFpa3UtNC01In0.bA7NS"
    "f8IOYc1_grZOsHWOV9JJxqg-GQf5NY1txHoXGA8SVAqkkN-Inm5lNtQxledrfD_TUJLCjLhd8OstcTaBA"
)


@cache
def signer(seed: int = 1) -> Ed25519PrivateKey:
    """Return the private key whose seed is 32 times one byte."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(seed: int = 1, *, der: bool = False) -> str:
    """Return a public key in base64: its 32 bytes, or the same in DER."""
    key = signer(seed).public_key()
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) if der else key.public_bytes_raw()
    return base64.b64encode(raw).decode()


KEYS = {"t1": public()}
TABLE = f'[trial.keys]\nt1 = "{public()}"'


def encoded(content: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def licence(*, seed: int = 1, **changes: Any) -> str:
    """Sign the claims of example 39 with *changes*."""
    return signed(json.dumps(CLAIMS | changes, separators=(",", ":")).encode(), seed)


def signed(payload: bytes, seed: int = 1) -> str:
    """Sign any payload."""
    text = encoded(payload)
    return f"{text}.{encoded(signer(seed).sign(text.encode()))}"


REF = "trial/claude-haiku-4-5"
MINE = '# my own words\ndefault_model = "den/m"  # and these\n'
NEXT = "llmpool providers trial install FILE   (a newer licence)"


def install(home: Home, text: str = WORKED, *args: str, **env: str) -> Result:
    """Install a licence from stdin, into secrets.json."""
    return home.here("providers", "trial", "install", "-", "--plaintext", *args, stdin=text, env=env)


def status(home: Home) -> dict[str, Any]:
    """Return the status of the trial."""
    return dict(home.here("providers", "trial", "status", "--json").json["trial"])


def stand(home: Home, text: str = WORKED, **fields: Any) -> None:
    """Write how the trial of a licence stands, sealed as it must be."""
    found = licences.read(text, KEYS)
    quota = Quota(hwm=int(time.time()), issued=found.terms.issued).replace(**fields)
    path = home.state / state.NAME
    document = json.loads(path.read_text())
    document["data"]["sealed"] = state.seal(quota, found.signature)
    path.write_text(json.dumps(document))


def unseen(home: Home, *results: Result) -> None:
    """Make sure that the key is in no output and no file but the one for keys."""
    assert not any(result.shows(KEY) or result.shows(WORKED[:60]) for result in results)
    payload = WORKED.partition(".")[0]
    assert home.files_with(KEY) == []
    assert home.files_with(payload[:60]) in ([], ["secrets.json"])
    assert home.files_with(WORKED.partition(".")[2]) in ([], ["secrets.json"])


def configured(home: Home) -> Home:
    """Write a config of somebody's own that trusts the test key."""
    home.write_config(MINE, provider("den", "http://127.0.0.1:9/v1"), TABLE)
    return home
