"""The settings ZimaOS had before it had a pool: `provider_settings.json` (pool-ledger-credentials 9.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.core.ids import mask_legacy
from llmpool.formats.base import mapping
from llmpool.importers.found import first_text, key_of
from llmpool.importers.moved import Arrival, Gathering, Key, given

LABEL = "Migrated from legacy"
_NAMES = {"claude": "anthropic"}
_UNKNOWN = 50  # the priority of a name that nobody knows


class _Known(NamedTuple):
    """What a name of then stands for."""

    name: str
    url: str
    priority: int


_KNOWN = {
    "anthropic": _Known("Anthropic", "https://api.anthropic.com", 100),
    "openai": _Known("OpenAI", "https://api.openai.com/v1", 90),
    "deepseek": _Known("DeepSeek", "https://api.deepseek.com", 80),
    "google": _Known("Google AI", "https://generativelanguage.googleapis.com", 70),
    "moonshot": _Known("Moonshot", "https://api.moonshot.cn/v1", 60),
    "ollama": _Known("Ollama", "http://localhost:11434", 50),
    "custom": _Known("Custom Provider", "", 40),
}


def gather(content: dict[str, Any], gathering: Gathering) -> None:
    """Take the providers of such a file, by name; a provider that newer files have keeps what these say."""
    for name, value in sorted(mapping(content.get("providers")).items()):
        entry = mapping(value)
        target = _NAMES.get(name, name)
        known = _KNOWN.get(target, _Known(target, "", _UNKNOWN))
        fields = given(
            {
                "name": known.name,
                "url": first_text(entry.get("base_url"), known.url),
                "priority": known.priority,
                "enabled": None if entry.get("enabled") is True else False,
            }
        )
        key = key_of(entry.get("api_key"))
        keys = (Key(label=LABEL, key=key, mask=mask_legacy(key)),) if key else ()
        if entry.get("api_key") and not key:
            gathering.leave(f"key of {name}", "what stands there is no key")
        arrival = Arrival(id=target, was=name, fields=fields, keys=keys, keyless=True)
        if gathering.providers.setdefault(target, arrival).was not in ("", name):
            gathering.leave(f"provider {name}", f"another that came before it is {target} here")
