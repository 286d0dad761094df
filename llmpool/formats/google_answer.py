"""Reads an answer of `generateContent` piece by piece, streamed or whole, and judges it at its end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import FailureKind, TokenUsage, UpstreamError
from llmpool.formats.answer import broke_off, failed, judge_empty, lacks, tokens
from llmpool.formats.base import mapping, shown, text_of, wrong_format
from llmpool.formats.google_carry import kept
from llmpool.formats.google_errors import failure_in

WITHHELD = re.compile(
    "(IMAGE_)?(SAFETY|RECITATION|PROHIBITED_CONTENT)|LANGUAGE|BLOCKLIST|SPII|MODEL_ARMOR|ESCALATION"
)
LENGTHS = ("MAX_TOKENS", "CONTINUATION")
FAILED_FINISHES: dict[str, tuple[FailureKind, str]] = {
    "MALFORMED_FUNCTION_CALL": ("server", "the model wrote a tool call that cannot be read"),
    "UNEXPECTED_TOOL_CALL": ("server", "the model called a tool that it was not given"),
    "TOO_MANY_TOOL_CALLS": ("server", "the model called tools without end"),
    "MALFORMED_RESPONSE": ("server", "the model wrote an answer that cannot be read"),
    "MISSING_THOUGHT_SIGNATURE": ("bad_request", "a tool call went back without its thought signature"),
    "PUP_LIMITED_DISABLED": ("auth", "the account is limited or disabled for its use"),
}
COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
)
TOTAL = "totalTokenCount"
ANSWER_FIELDS = frozenset(("candidates", "promptFeedback", "usageMetadata"))


class Reading:
    """An answer being read: what has come so far decides whether its end is one.

    The protocol has no end mark: the chunk that names a finish reason is the last. Whatever reads raises
    UpstreamError for what is no answer.
    """

    def __init__(self, carrier: str) -> None:
        self.finish = ""
        self._carrier = carrier
        self._whole = False
        self._reason = ""  # the server's word for the finish, and what it says about it
        self._model = ""
        self._counts: dict[str, int] = {}
        self._said = 0  # characters of text
        self._thought: list[str] = []  # thinking since the last signature
        self._has_thought = False
        self._calls = 0
        self._other = ""  # a part that cannot be shown

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""
        return _usage(self._counts)

    def chunk(self, payload: object, event: str = "") -> Iterator[Delta]:
        """Read a piece of a stream, or several in a list; yield what there is to show."""
        for piece in payload if isinstance(payload, list) else [payload]:
            if not isinstance(piece, dict):
                raise wrong_format("a piece of the answer is not a JSON object")
            if piece.get("error") or event == "error":
                raise UpstreamError(failure_in(piece))
            delta = self._read(piece)
            if delta is not None:
                yield delta

    def whole(self, payload: object) -> Iterator[Delta]:
        """Read an answer that came in one piece; it is finished, whatever it says of that."""
        pieces = payload if isinstance(payload, list) else [payload]
        known = any(
            isinstance(p, dict) and (p.get("error") or not ANSWER_FIELDS.isdisjoint(p)) for p in pieces
        )
        if not known:
            raise lacks(payload, "the answer has no `candidates`")
        yield from self.chunk(payload)
        self._whole = True

    def last(self) -> Delta:
        """Return the last Delta, with usage and finish; raise UpstreamError when this was no whole answer."""
        if not self._whole and not self.finish:
            raise broke_off()
        if not self._said and not self._calls:
            self._judge_empty()
        finish = self.finish or "stop"
        finish = "tools" if finish == "stop" and self._calls else finish
        return Delta(finish=finish, usage=self.usage, served_model=self._model)

    def _judge_empty(self) -> None:
        if self._other and self.finish != "content":
            raise failed("empty", f"the answer has no text, only `{self._other}`")
        why = f" ({self._reason})" if self._reason not in ("", "STOP", *LENGTHS) else ""
        thinking = self._has_thought or bool(self._counts.get("thoughtsTokenCount"))
        judge_empty(self.finish, thinking=thinking, why=why)

    def _read(self, piece: dict[str, Any]) -> Delta | None:
        if not self._model and isinstance(piece.get("modelVersion"), str):
            self._model = shown(piece["modelVersion"], 200).removeprefix("models/")
        self._counts |= _counts_in(piece)
        self._check_blocked(mapping(piece.get("promptFeedback")))
        candidates = piece.get("candidates")
        if not candidates:
            return None
        if not isinstance(candidates, list) or not isinstance(candidates[0], dict):
            raise wrong_format("`candidates` is not a list of objects")
        candidate = candidates[0]
        parts = mapping(candidate.get("content")).get("parts")
        delta = self._delta(parts) if isinstance(parts, list) and parts else None
        self._finished(candidate.get("finishReason"), candidate.get("finishMessage"))
        return delta

    def _check_blocked(self, feedback: dict[str, Any]) -> None:
        reason = _word(feedback.get("blockReason"))
        if reason:
            more = _more(feedback.get("blockReasonMessage"))
            raise failed("content", f"the provider refused the prompt ({reason}){more}")

    def _delta(self, parts: list[Any]) -> Delta | None:
        text, thinking = [], []
        tools: list[ToolDelta] = []
        carry: list[dict[str, Any]] = []
        for part in (part for part in parts if isinstance(part, dict)):
            said, call = _text(part), part.get("functionCall")
            if isinstance(said, str) and part.get("thought") is True:
                thinking.append(said)
                carry += self._think(said, text_of(part.get("thoughtSignature")))
            elif isinstance(said, str):
                text.append(said)
                carry += self._say(said, text_of(part.get("thoughtSignature")))
            elif isinstance(call, dict) and isinstance(call.get("name"), str) and call["name"]:
                carry += self._sign_call(call, text_of(part.get("thoughtSignature")))
                tools.append(self._call(call))
            elif not isinstance(call, dict):
                self._other = self._other or shown(next(iter(part), ""), 40)
        delta = Delta(text="".join(text), thinking="".join(thinking), tools=tuple(tools), carry=tuple(carry))
        return delta if delta.text or delta.thinking or tools or carry else None

    def _think(self, thought: str, signature: str) -> list[dict[str, Any]]:
        """Note what was thought; a signature is for all of it since the last one."""
        self._has_thought = self._has_thought or bool(thought)
        self._thought.append(thought)
        if not signature:
            return []
        part = {"thought": True, "text": "".join(self._thought), "thoughtSignature": signature}
        self._thought = []
        return [kept(self._carrier, part, at=self._said)]

    def _say(self, text: str, signature: str) -> list[dict[str, Any]]:
        at, self._said = self._said, self._said + len(text)
        return (
            [kept(self._carrier, {"text": text, "thoughtSignature": signature}, at=at)] if signature else []
        )

    def _sign_call(self, call: dict[str, Any], signature: str) -> list[dict[str, Any]]:
        part = {"functionCall": call, "thoughtSignature": signature}
        return [kept(self._carrier, part, call=self._calls)] if signature else []

    def _call(self, call: dict[str, Any]) -> ToolDelta:
        """Make the one piece of a call; most servers give it no id."""
        if call.get("willContinue") is True:
            raise wrong_format("the arguments of a tool call come in pieces, which was not asked for")
        position, self._calls = self._calls, self._calls + 1
        identity = text_of(call.get("id")) or f"call_{position}"
        arguments = call.get("args")
        if not isinstance(arguments, str):
            arguments = _as_json(mapping(arguments))
        return ToolDelta(position, identity, call["name"], arguments or "{}")

    def _finished(self, reason: object, message: object) -> None:
        word = _word(reason)
        if not word:
            return
        if word in FAILED_FINISHES:
            kind, words = FAILED_FINISHES[word]
            raise failed(kind, f"{words} ({word}){_more(message)}")
        self._reason = word
        self.finish = "content" if WITHHELD.fullmatch(word) else "length" if word in LENGTHS else "stop"


def usage_in(payload: object) -> TokenUsage | None:
    """Return the token counts of an answer, None when it has none; only whole numbers count."""
    pieces = payload if isinstance(payload, list) else [payload]
    counts: dict[str, int] = {}
    for piece in pieces:
        counts |= _counts_in(mapping(piece))
    return _usage(counts)


def _counts_in(piece: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a piece; they grow from piece to piece, so that the last one counts."""
    usage = mapping(piece.get("usageMetadata"))
    found = {name: tokens(usage.get(name)) for name in (*COUNTS, TOTAL)}
    return {name: value for name, value in found.items() if value is not None}


def _usage(counts: dict[str, int]) -> TokenUsage | None:
    if not counts.keys() & set(COUNTS):
        return None
    sent = _sum(counts, "promptTokenCount", "toolUsePromptTokenCount")
    return TokenUsage(
        input=sent,
        output=_said(counts, sent),
        cache_read=counts.get("cachedContentTokenCount"),
        reasoning=counts.get("thoughtsTokenCount"),
    )


def _said(counts: dict[str, int], sent: int | None) -> int | None:
    """Add thoughts to the answer; some servers have counted them in it, and only the total tells."""
    said = counts.get("candidatesTokenCount")
    within = said is not None and counts.get(TOTAL) == said + (sent or 0)
    return said if within else _sum(counts, "candidatesTokenCount", "thoughtsTokenCount")


def _text(part: dict[str, Any]) -> object:
    """Return the text of a part; a signature all by itself is one on an empty text."""
    return (
        ""
        if "thoughtSignature" in part and part.keys() <= {"thoughtSignature", "thought"}
        else part.get("text")
    )


def _sum(counts: dict[str, int], *names: str) -> int | None:
    found = [counts[name] for name in names if name in counts]
    return sum(found) if found else None


def _as_json(value: dict[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise wrong_format("the arguments of a tool call are nested too deeply") from None


def _word(value: object) -> str:
    """Return an enumeration's value; unspecified, as Vertex says before the end, is nothing."""
    word = shown(value, 60) if isinstance(value, str) else ""
    return "" if word.upper().endswith("_UNSPECIFIED") else word


def _more(message: object) -> str:
    return f": {shown(message, 300)}" if isinstance(message, str) and message.strip() else ""
