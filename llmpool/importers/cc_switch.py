"""The text that cc-switch and its like print: lines with a key, an address and a provider."""

from __future__ import annotations

from llmpool.errors import Misuse
from llmpool.importers.found import BEARER, Found, first_text, key_of, variable_of

MOST = 1 << 20
_HINT = "pipe in lines such as ANTHROPIC_API_KEY=... and ANTHROPIC_BASE_URL=https://..."
_VENDORS = {"OPENAI": "openai", "GOOGLE": "google", "GEMINI": "google"}
_FORMATS = {"anthropic": "anthropic", "google": "google"}
_KINDS = (  # what a line has to contain; the first that fits says what its value is
    ("key", ("api_key", "API_KEY", "auth_token", "AUTH_TOKEN")),
    ("url", ("base_url", "BASE_URL")),
    ("provider", ("provider",)),
)


def parse(text: str) -> Found:
    """Read the key and the address, the last of each; raises Misuse where there is neither."""
    if not text.strip():
        raise Misuse("nothing came in on standard input", hint=_HINT)
    values, vendor, auth = {"key": "", "url": "", "provider": ""}, "", ""
    for line in text[:MOST].splitlines():
        name, equals, value = line.strip().partition("=")
        kind = next((kind for kind, words in _KINDS if any(word in line for word in words)), "")
        if kind and equals:
            values[kind] = _unquoted(value.strip())
            auth = auth if kind != "key" else BEARER if "AUTH_TOKEN" in name.upper() else ""
            vendor = next((each for word, each in _VENDORS.items() if word in name), vendor)
    if not values["key"] and not values["url"]:
        raise Misuse("the text names neither a key nor an address", hint=_HINT)
    provider = first_text(values["provider"], vendor, "anthropic")
    return Found(
        tool="claude-code",
        name="cc-switch",
        source="cc-switch",
        provider=provider,
        url=values["url"],
        format=_FORMATS.get(provider, "openai"),
        key=key_of(values["key"]),
        key_env=variable_of(values["key"]),
        auth=auth,
        label="Imported from cc-switch",
    )


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
