"""What a query looks like: complexity and intent by keywords (catalog-registry-router 6.2, 6.3)."""

from __future__ import annotations

SIMPLE, MODERATE, COMPLEX = 0, 1, 2

_COMMANDS = ("search ", "read ", "list ", "fetch ", "find ", "check ")
_REASONING = ("explain", "why", "analyze", "compare", "history", "pattern", "trend", "recommend")
_SWITCHES = ("turn on", "turn off", "set ", "lock", "unlock", "open ", "close ")

_INTENTS = (
    ("device_control", ("turn on", "turn off")),
    ("security", ("lock",)),
    ("climate", ("temperature", "thermostat")),
    ("presence", ("who", "where", "home")),
    ("temporal", ("when", "time", "last")),
)


def complexity(query: str) -> tuple[int, str]:
    """Judge a query: its complexity (0-2) and the keyword that decided, first rule that hits."""
    text = query.lower()
    if text.startswith(_COMMANDS):
        return SIMPLE, text.partition(" ")[0]
    for words, level in ((_REASONING, COMPLEX), (_SWITCHES, SIMPLE)):
        for word in words:
            if word in text:
                return level, word.strip()
    return MODERATE, ""


def intent(query: str) -> str:
    """Name the intent of a query; informational, it moves no score."""
    text = query.lower()
    for name, words in _INTENTS:
        if any(word in text for word in words):
            return name
    return "general"
