"""What servers say of a prompt that is too long: how large their window is, and how many tokens they counted.

Each vendor has its own words; tests/unit/formats/test_windows_told.py has those that are known, with their
origin. Where nothing is told nothing is guessed. Limits per minute, of an answer alone, of characters and of
bytes are no windows, and no number stands for one unless the words around it say so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.formats.base import mapping, parse_json

LEAST, MOST = 128, 100_000_000  # tokens that a window may have; what is beyond is a code, or a mistake
READ = 600  # characters that are looked at

_N = r"(\d[\d,]{1,12})(?!\s?(?:char|byte|[km]b))\b"
_WINDOWS = tuple(
    re.compile(words.replace("N", _N))
    for words in (
        r"maximum (?:context|prompt|model) length (?:is|of) N",
        r"(?:context|model) length (?:of|is) (?:only )?N",
        r"(?:context length|maximum context length:) \(?N",
        r"too large for model with N maximum context length",
        r"context (?:window|size) (?:is|of) N",
        r"available context size \(N tokens\)",
        r"n_ctx:? ?N",
        r"> N maximum",
        r"context limit: [\d,]{1,12}(?: \+ [\d,]{1,12})? > N",
        r"maximum number of tokens allowed \(?N",
        r"(?:configured|token) limit(?: of|:) N",
        r"token count of [\d,]{1,12} exceeds the limit of N",
        r"range of input length should be \[\d{1,6}, ?N\]",
        r"tokens in the prompt cannot exceed N",
        r"`inputs` tokens \+ `max_new_tokens` must be <= N",
        r"`inputs` must have less than N tokens",
        r"maximum allowed (?:input )?length (?:of |\()N tokens",
        r"max size: N tokens",
        r"context window limit \(N\)",
        r"max_seq_len \(?N",
        r"max input tokens: N",
        r"number of tokens in this request cannot exceed N",
        r"length is [\d,]{1,12} while limit is N",
    )
)
_COUNTS = tuple(
    re.compile(words.replace("N", _N))
    for words in (
        r"total of (?:at least )?N tokens",
        r"passed N input tokens",
        r"input and maximum output tokens \(N\)",
        r"request input token count: N",
        r"prompt(?:_tokens| length) \(?N",
        r"prompt \(total length N",
        r"you requested (?:about |a total of )?N tokens",
        r"messages resulted in N tokens",
        r"request (?:contains|has) N (?:input )?tokens",
        r"(?:request|input|prompt) \((?:total |about )?(?:length )?N(?: tokens)?\)",
        r"prompt (?:is too long:|contains|has) N\b",
        r"token count (?:\(|of )N",
        r"input length \(?N",
        r"requested: N",
        r"received N",
        r"given: N",
        r"length is N while limit",
        r"n_keep:? ?N",
        r"n_prompt_tokens:? ?N",
        r"keep the first N tokens",
    )
)
_SUM = re.compile(r"context limit: ([\d,]{2,12}) \+ ([\d,]{1,12}) >")
_PER_MINUTE = re.compile(r"\bper min|\bTPM\b", re.IGNORECASE)
_PLACES = ("n_ctx", "n_prompt_tokens")  # where llama.cpp has the figures beside its words


class Told(NamedTuple):
    """What a refusal told, 0 where it did not: the *window*, and how many tokens were *counted*.

    Some count the answer that was asked for with the prompt.
    """

    window: int = 0
    counted: int = 0


def told(message: str) -> Told:
    """Read the words of a refusal whose kind is known to be `context_length`."""
    words = message[:READ].lower()
    return Told(_first(_WINDOWS, words), _sum(words) or _first(_COUNTS, words))


def is_of_window(failure: Failure) -> bool:
    """Say whether a refusal is about the window of a model.

    A 413 is of the bytes or tokens that a gateway or a plan lets through at once, where it names no window;
    so is what is more than a minute's allowance.
    """
    if told(failure.message).window:
        return True
    return failure.status not in (413, 429) and not _PER_MINUTE.search(failure.message[:READ])


def with_figures(failure: Failure, body: bytes) -> Failure:
    """Return *failure* with the figures of its *body*, where they stand beside its words and not in them."""
    if failure.kind != "context_length" or told(failure.message).window:
        return failure
    try:
        outer = mapping(parse_json(body.decode("utf-8", "replace")))
    except UpstreamError:
        return failure
    facts = mapping(outer.get("error")) or outer
    figures = [f"{name}: {facts[name]}" for name in _PLACES if type(facts.get(name)) is int]
    return failure.replace(message=f"{failure.message} ({', '.join(figures)})") if figures else failure


def _first(patterns: tuple[re.Pattern[str], ...], words: str) -> int:
    found = (_tokens(match[1]) for pattern in patterns for match in [pattern.search(words)] if match)
    return next(filter(None, found), 0)


def _sum(words: str) -> int:
    """Add up a prompt and its answer where they are told apart (Anthropic)."""
    found = _SUM.search(words)
    return _tokens(found[1]) + _tokens(found[2]) if found else 0


def _tokens(digits: str) -> int:
    tokens = int(digits.replace(",", "") or 0)
    return tokens if LEAST <= tokens <= MOST else 0
