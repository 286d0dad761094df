"""What a query looks like: complexity and intent by keywords (catalog-registry-router 6.2, 6.3)."""

from __future__ import annotations

SIMPLE, MODERATE, COMPLEX = 0, 1, 2
CUTS = (0.35, 0.65)  # difficulties from which a prompt is moderate, and complex

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
    """Judge a query: its complexity (0-2) and the keyword that decided, first rule that hits.

    English words as specified; those of other languages where none of them is found.
    """
    text = query.lower()
    if text.startswith(_COMMANDS):
        return SIMPLE, text.partition(" ")[0]
    for words, level in ((_REASONING, COMPLEX), (_SWITCHES, SIMPLE)):
        for word in words:
            if word in text:
                return level, word.strip()
    return _elsewhere(text)


def _elsewhere(text: str) -> tuple[int, str]:
    """Judge by the words of other languages what has none of English."""
    from llmpool.router import tongues

    level, word = tongues.complexity(text)
    return {"simple": SIMPLE, "complex": COMPLEX}.get(level, MODERATE), word


def band(difficulty: float) -> int:
    """Return the complexity that a difficulty from 0 to 1 stands for."""
    return SIMPLE if difficulty < CUTS[0] else MODERATE if difficulty < CUTS[1] else COMPLEX


def intent(query: str) -> str:
    """Name the intent of a query; informational, it moves no score."""
    text = query.lower()
    for name, words in _INTENTS:
        if any(word in text for word in words):
            return name
    return "general"
