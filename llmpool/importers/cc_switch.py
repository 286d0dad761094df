"""The text that cc-switch and its like print: lines with a key, an address and a provider."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmpool.errors import Misuse
from llmpool.importers.found import BEARER, Found, first_text, key_of, variable_of, vendor_of

MOST = 1 << 20
_HINT = "pipe in lines such as ANTHROPIC_API_KEY=... and ANTHROPIC_BASE_URL=https://..."
_FORMATS = {"anthropic": "anthropic", "google": "google"}
_KINDS = (  # what a line has to contain; the first that fits says what its value is
    ("key", ("api_key", "API_KEY", "auth_token", "AUTH_TOKEN")),
    ("url", ("base_url", "BASE_URL")),
    ("provider", ("provider",)),
)


def parse(text: str) -> Found:
    """Read the key and the address, the last of each; raises Misuse where there is neither.

    Whose they are their names say: an address of another vendor's is not that of the key.
    """
    if not text.strip():
        raise Misuse("nothing came in on standard input", hint=_HINT)
    values, urls = {"key": "", "url": "", "provider": ""}, dict[str, str]()
    named = whose = ""
    for name, value in _pairs(text):
        kind = next((kind for kind, words in _KINDS if any(word in name for word in words)), "")
        if not kind:
            continue
        values[kind] = value
        if kind == "url":
            urls = {each: url for each, url in urls.items() if each != vendor_of(name)}
            urls[vendor_of(name)] = value
        elif kind == "key":
            named, whose = name, vendor_of(name)
    if not values["key"] and not values["url"]:
        raise Misuse("the text names neither a key nor an address", hint=_HINT)
    if values["key"] and whose:
        values["url"] = first_text(urls.get(whose), urls.get(""))
    told = whose or next(reversed(urls), "") or ("" if values["url"] else _stem(named))
    provider = first_text(values["provider"], told, "anthropic")
    return Found(
        tool="claude-code",
        name="cc-switch",
        source="cc-switch",
        provider=provider,
        url=values["url"],
        format=_FORMATS.get(provider, "openai"),
        key=key_of(values["key"]),
        key_env=variable_of(values["key"]),
        auth=BEARER if "AUTH_TOKEN" in named.upper() else "",
        label="Imported from cc-switch",
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the lines that are no comments."""
    for line in text[:MOST].splitlines():
        name, equals, value = line.strip().partition("=")
        words = re.findall(r"\w+", name, re.ASCII)  # of `export X=`, `set X=` and `$env:X =`
        if equals and words and not name.startswith("#"):
            yield words[-1], _unquoted(value.strip())


def _stem(name: str) -> str:
    """Return whose key a variable without an address holds: `DEEPSEEK_API_KEY` is no key of Anthropic's."""
    stem = name.upper().removesuffix("_API_KEY").removesuffix("_AUTH_TOKEN")
    return stem.lower().replace("_", "-") if stem != name.upper() else ""


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
