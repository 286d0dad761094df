"""The config as read, as plain JSON values."""

from __future__ import annotations

from typing import Any

from llmpool.config.problems import looks_secret
from llmpool.core.config import Config
from llmpool.core.record import Record
from llmpool.core.wire import SECRET_WORDS

MASK = "***"
_PAIRS = ("headers", "header_env", "hints", "supports", "trial_keys", "templates", "oauth")
_TELLING = (*SECRET_WORDS, "session", "signature")


def as_json(config: Config) -> dict[str, Any]:
    """Show *config* with its defaults; durations are seconds, values left out are absent.

    Keys are not part of a Config, so only the values of headers can be secret: those whose name or shape
    says so are masked.
    """
    return _table(config)


def _table(record: Record) -> dict[str, Any]:
    shown = {name: _value(name, value) for name, value in record.as_dict().items() if value is not None}
    return (
        shown if type(record).__name__ != "KeyRef" else {k: v for k, v in shown.items() if v not in ("", [])}
    )


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Record):
        return _table(value)
    if name in _PAIRS and isinstance(value, tuple):
        return {key: _pair(name, key, item) for key, item in value}
    if isinstance(value, tuple):
        return [_value("", item) for item in value]
    return value


def _pair(name: str, key: str, item: Any) -> Any:
    if name == "headers":
        return MASK if any(word in key.lower() for word in _TELLING) or looks_secret(item) else item
    if name == "oauth":  # one more level: the table of one client
        return {inner: _value(inner, value) for inner, value in item}
    return _value(key, item)
