"""One provider of ZimaOS: its JSON (pool-routing-formats 1) and its secrets, which are stored beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from llmpool.formats.base import mapping
from llmpool.importers.found import first_text, key_of
from llmpool.importers.moved import SEALED, Account, Arrival, Gathering, Key, Opened, given, names

_GONE = {
    "trial": "a trial comes from its licence: llmpool providers trial install",
    "acp": "agents that are spoken to over ACP are no providers here",
    "ide": "editors are no providers here; llmpool providers import lists what they have",
    "media": "providers of images, sound and films have no place here",
}
_VENDORS = ("builtin", "platform")
_CATALOG = (
    "openai",
    "anthropic",
    "google",
    "qwen",
    "deepseek",
    "moonshot",
    "grok",
    "glm",
    "minimax",
    "ollama",
    "bedrock",
)
_STALE = ("https://api.minimax.chat/v1",)  # addresses that ZimaOS itself replaces by the vendor's
_LIMITS = {"requests_per_minute": "rpm", "tokens_per_minute": "tpm", "tokens_per_day": "tpd"}
_PARAMS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "max_tokens")
_OAUTH = {
    "google-antigravity": "antigravity",
    "google-gemini-cli": "gemini-cli",
    "github-copilot": "copilot",
    "openai-codex": "codex",
}


class Row(NamedTuple):
    """A provider as it is stored: id, JSON and secrets; those of keys in the order of its key objects."""

    id: str
    provider: dict[str, Any]
    secrets: list[Any]
    oauth: dict[str, Any]

    def __repr__(self) -> str:
        return f"Row({self.id!r})"


def gather(rows: Iterable[Row], gathering: Gathering, opened: Opened) -> None:
    """Take the providers of *rows*; vendors that nobody has set up are only counted."""
    unused = []
    for row in rows:
        kind = _text(row.provider, "type")
        if kind in _GONE:
            gathering.leave(f"provider {row.id}", _GONE[kind])
        elif row.id == "bedrock":
            gathering.leave("provider bedrock", "Amazon Bedrock's own protocol is not spoken here")
        elif _unused(row, kind):
            unused.append(row.id)
        else:
            _take(row, kind, gathering, opened)
    if unused:
        why = "never set up there: no key, not enabled"
        gathering.leave(names(unused), why)


def _unused(row: Row, kind: str) -> bool:
    """Tell whether a row is just one of those that every ZimaOS has, with no key and not in use."""
    has_secrets = any(row.secrets) or bool(row.provider.get("api_keys")) or any(row.oauth.values())
    connected = mapping(row.provider.get("oauth")).get("connected") is True
    return kind in _VENDORS and row.provider.get("enabled") is not True and not has_secrets and not connected


def _take(row: Row, kind: str, gathering: Gathering, opened: Opened) -> None:
    before = gathering.providers.get(row.id)
    keys = tuple(_keys(row, gathering, opened)) or (before.keys if before else ())
    vendor = kind in _VENDORS
    gathering.providers[row.id] = Arrival(
        id=row.id,
        fields=given(dict(_fields(row, gathering, vendor=vendor))),
        keys=keys,
        vendor=vendor,
    )
    _leave_the_rest(row, gathering, vendor=vendor)
    _account(row, gathering, opened)


def _fields(row: Row, gathering: Gathering, *, vendor: bool) -> Iterator[tuple[str, Any]]:
    """Yield what this config says of a provider; a vendor's protocol and version are its own matter."""
    said = row.provider
    base, found = _text(said, "base_url"), _text(said, "detected_endpoint")
    yield "name", _text(said, "name")
    if not vendor:
        yield "format", _text(said, "api_format") or _text(said, "detected_format")
        yield "format_mode", _text(said, "api_format_mode") or "auto"
        yield "location", _text(said, "location") or "cloud"
        yield "metadata", _text(said, "metadata_mode")
    elif row.id not in _CATALOG and _text(said, "metadata_mode") == "catalog":
        yield "metadata", "catalog"
    yield "url", "" if base in _STALE else found or base
    yield "alternate_urls", [url for url in _list(said, "alternate_base_urls") if url != (found or base)]
    yield "enabled", None if said.get("enabled") is True else False
    yield "verify_tls", False if said.get("skip_tls_verify") is True else None
    yield "priority", said.get("priority")
    yield "headers", dict(mapping(said.get("headers")))
    yield "allowed_models", _list(said, "allowed_models")
    limits = mapping(said.get("rate_limit"))
    yield "rate_limit", {ours: limits[theirs] for theirs, ours in _LIMITS.items() if limits.get(theirs)}
    params = mapping(said.get("model_params"))
    yield "params", {name: params[name] for name in _PARAMS if params.get(name) is not None}
    for name in params.keys() - set(_PARAMS):
        gathering.leave(f"{row.id}: parameter {name}", "no parameter of this config")


def _leave_the_rest(row: Row, gathering: Gathering, *, vendor: bool) -> None:
    """Name the owner's words that this config has no place for."""
    version = _text(row.provider, "api_version")
    if version and not vendor:
        gathering.leave(
            f"{row.id}: api_version {version}", "said by the format here; set it if it is another"
        )
    shown = [name for name in ("description", "icon", "custom_icon", "website") if _text(row.provider, name)]
    if shown and not vendor:
        gathering.leave(f"{row.id}: {', '.join(shown)}", "for a screen that is not here")


def _keys(row: Row, gathering: Gathering, opened: Opened) -> Iterator[Key]:
    """Yield the keys whose secrets are here; the object beside a secret says what it is called."""
    objects = row.provider.get("api_keys")
    objects = objects if isinstance(objects, list) else []
    for place in range(max(len(objects), len(row.secrets))):
        about = mapping(objects[place]) if place < len(objects) else {}
        label = _text(about, "label")
        what = f"key {label or place + 1} of {row.id}"
        secret = row.secrets[place] if place < len(row.secrets) else ""
        key = _opened(secret, what, gathering, opened)
        if key:
            yield Key(label=label, key=key, enabled=about.get("enabled") is not False)


def _opened(secret: object, what: str, gathering: Gathering, opened: Opened) -> str:
    """Return a secret as it is used; one that cannot be is named with the reason."""
    text = secret.strip() if isinstance(secret, str) else ""
    if text.startswith(SEALED):
        plain = opened(text)
        if plain is None:
            gathering.leave(what, "encrypted, and no key here opens it: --state-key FILE")
            return ""
        text = plain
    key = key_of(text)
    if not key:
        gathering.leave(what, "what is stored is no key" if text else "its secret is not stored there")
    return key


def secret_of(value: object, what: str, gathering: Gathering, opened: Opened) -> str:
    """Return a token, opened where it is encrypted; nothing where there is none."""
    return _opened(value, what, gathering, opened) if isinstance(value, str) and value.strip() else ""


def _account(row: Row, gathering: Gathering, opened: Opened) -> None:
    """Take the login that is stored with a provider itself."""
    about = mapping(row.provider.get("oauth"))
    kind = _text(about, "provider_type") or _OAUTH.get(row.id, "")
    what = f"login of {row.id}"
    access = secret_of(row.oauth.get("access_token"), what, gathering, opened)
    refresh = secret_of(row.oauth.get("refresh_token"), what, gathering, opened)
    if row.oauth.get("client_secret"):
        variable = f"LLMPOOL_OAUTH_{(kind or 'TYPE').upper().replace('-', '_')}_CLIENT_SECRET"
        gathering.leave(f"client secret of {row.id}", f"set {variable}, or client_secret in [oauth]")
    if access or refresh:
        gathering.accounts.append(
            Account(
                provider=row.id,
                type=kind,
                access=access,
                refresh=refresh,
                email=_text(about, "email"),
                project=_text(about, "project_id"),
                expires=about.get("token_expiry"),
            )
        )


def _text(fields: dict[str, Any], name: str) -> str:
    return first_text(fields.get(name))


def _list(fields: dict[str, Any], name: str) -> list[str]:
    value = fields.get(name)
    texts = [each.strip() for each in value if isinstance(each, str)] if isinstance(value, list) else []
    return [each for each in dict.fromkeys(texts) if each]
