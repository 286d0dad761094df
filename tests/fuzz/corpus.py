"""What the long runs found, each as the smallest document that showed it."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """A document, whose reader failed on it, and how."""

    why: str
    target: str
    document: bytes


_DEEP = b"[" * 300 + b"]" * 300
_HUGE = b"9" * 4000
_CHAT = (
    b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": %s}}'
)
_RESPONSES = (
    b'{"status": "completed", "output": [{"type": "reasoning", "id": "r", "summary": [], "x": %s},'
    b' {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]}'
)
_GOOGLE = (
    b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": %s}},'
    b' "thoughtSignature": "x"}]}, "finishReason": "STOP"}]}'
)
_PIECE = b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "x": %s}]}\n\n'
_CODE = b'{"device_code": "%s", "user_code": "U-1", "verification_uri": "https://x.test", "expires_in": %s}'
_GGUF = b"GGUF\x03\0\0\0" + bytes(8) + b"\x01" + bytes(7) + b"\x01" + bytes(7) + b"x\x08\0\0\0" + b"\xff" * 8

FOUND = [
    Found("UTF-16 without its mark, in lines", "read-body", b"data: x\ndata: {}\n\x85\n"),
    Found("UTF-16 without its mark, in events", "read-body", b"data: x\n\n\x8adata: {}\n"),
    Found("tokens beyond all reason", "openai-reply", _CHAT % _HUGE),
    Found(
        "tokens beyond all reason at Google",
        "google-usage",
        b'{"usageMetadata": {"promptTokenCount": %s}}' % _HUGE,
    ),
    Found("a number no float holds, carried along", "responses-reply", _RESPONSES % b"1e999"),
    Found("NaN, carried along", "responses-reply", _RESPONSES % b"NaN"),
    Found("a number no float holds, in a tool call", "google-reply", _GOOGLE % b"-1e999"),
    Found("nested beyond what can be written", "responses-reply", _RESPONSES % _DEEP),
    Found("nested tool call", "google-reply", _GOOGLE % _DEEP),
    Found("nested piece of a stream", "lmstudio-stream", _PIECE % (b"[" * 985 + b"]" * 985) + _PIECE % b"1"),
    Found("an end in thousands of digits", "parse-oauth", _CODE % (b"d", _HUGE)),
    Found("half a pair in a device code", "parse-oauth", _CODE % (b"\\ud800", b"900")),
    Found("a length beyond every file", "parse-gguf", _GGUF),
    Found("a decision named in no text at all", "words-names", b"den/smal\xfe\xff"),
    Found("an id no float holds", "file-batch", b'{"prompt": "hi", "id": 1e999}'),
    Found("a size in hundreds of digits", "words-figures", b"9" * 400),
    Found("a count beyond what can be counted", "words-figures", b"1" + b"9" * 400),
    Found(
        "a multiple of nothing", "read-schema", b'{"properties": {"a": {"type": "integer", "multipleOf": 0}}}'
    ),
    Found("a multiple of minus nothing", "read-schema", b'{"properties": {"a": {"multipleOf": -0.0}}}'),
    Found(
        "a length that is no number",
        "read-schema",
        b'{"properties": {"b": {"type": "string", "maxLength": 1e999}}}',
    ),
    Found("names that cannot be sorted", "read-schema", b'{"required": ["true", false]}'),
    Found("a schema nested beyond Python", "read-schema", b'{"properties": {"a": {"enum": [%s]}}}' % _DEEP),
    Found("a value where a table should be", "toml-edit", b'# 3\n[budgets]\ndaily = "x"\n'),
]
