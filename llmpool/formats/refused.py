"""What a server's 400 says it will not take, when the request can do without it (DESIGN ruling 11).

The words are ours, the same for every format, because they are remembered: `stream_options`, `temperature`,
`top_p`, `frequency_penalty`, `presence_penalty`, `thinking`, `max_tokens` (the field's other name is used
instead), `cache`, `tool_choice`, `stop`; `stream` and the `summary` of thoughts, which OpenAI keeps from
those it has not verified.
`carry` stands for what earlier turns carried. Tools, a schema and text are never dropped: an answer without
them would be an answer to another question.
"""

from __future__ import annotations

import re

from llmpool.core.outcome import Failure

CARRY = "carry"  # what earlier turns carried along; nothing to remember, the next conversation is another

# Ours -> how vendors write it. The named parameter is looked at first, then the message.
NAMES = {
    "stream_options": r"stream_options|include_usage",
    "stream": r"^stream$",
    "summary": r"reasoning[._ ]summar",
    "temperature": r"temperature",
    "top_p": r"top_?p\b",
    "frequency_penalty": r"frequency_?penalty",
    "presence_penalty": r"presence_?penalty",
    "thinking": r"reasoning|think|effort|chat_template_kwargs|encrypted|^include$",
    "max_tokens": r"max_(completion_|output_)?tokens",
    "cache": r"cache_control",
    "tool_choice": r"tool_?(choice|config)|function_?calling_?config",
    "stop": r"\bstop(_?sequences)?\b",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in NAMES.items()}
_CLEAR = (
    r"not supported|unsupported|does ?n.t support|not support|unrecognized|unknown|unexpected|not permitted"
    r"|not allowed|extra (inputs|fields)|deprecated|only the default"
    r"|is not available|not compatible|must be (unset|removed|omitted)|should not|use .* instead|no longer"
    r"|may only be|or unset"
)
_OF_PARAMETER = re.compile(_CLEAR, re.IGNORECASE)
_REFUSAL = re.compile(rf"{_CLEAR}|invalid (field|parameter|argument)|cannot", re.IGNORECASE)
# What is said of a value, by a server that takes the parameter.
_OF_VALUE = re.compile(
    r"too (large|big|small|high|low|long|many)|exceed|(above|below|over|under) (the )?m|(maxi|mini)mum"
    r"|(less|greater|smaller|larger|more|fewer) than|at (most|least)|out of range|range (is|of)|between"
    r"|expected a value|[<>]=",
    re.IGNORECASE,
)

_WITH_THINKING = re.compile(r"(when|while|if) (extended )?(thinking|reasoning)", re.IGNORECASE)


def lasts(failure: Failure) -> bool:
    """Say whether a refusal is of the parameter, and not of its value alone: the next one's may do."""
    message = failure.message
    if _WITH_THINKING.search(message):
        return False  # without thoughts it may do
    return _OF_VALUE.search(message) is None or _OF_PARAMETER.search(message) is not None


def refused(failure: Failure, droppable: frozenset[str], already: tuple[str, ...] = ()) -> str:
    """Name what to leave out of the next call, or nothing: only a 400 (or 422) that names it counts."""
    if failure.status not in (400, 422) or failure.kind not in ("bad_request", "wrong_format"):
        return ""
    if "signature" in failure.message:  # of an earlier thought: thinking itself is not refused
        return "" if CARRY in already else CARRY
    candidates = [name for name in _PATTERNS if name in droppable and name not in already]
    if failure.param:
        return next((name for name in candidates if _PATTERNS[name].search(failure.param)), "")
    if not _REFUSAL.search(failure.message):  # about thinking any word is a refusal (failover-cooldown 6.5)
        candidates = [name for name in candidates if name == "thinking"]
    return next((name for name in candidates if _PATTERNS[name].search(failure.message)), "")
