"""Usage records as OpenTelemetry spans, in OTLP's JSON: one span a request, named as GenAI conventions say.

Each line is a whole ExportTraceServiceRequest: one body for `POST /v1/traces`, and one line of a file that a
collector's OTLP JSON file receiver reads. JSON as OTLP wants it: ids in hex, 64-bit numbers as strings,
times in nanoseconds since the epoch, enums as numbers. Ids are made of the record's id, so that what is sent
twice is the same span. The cost is a number here, because sums are made of it elsewhere; the exact decimal
is in the other formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from llmpool.usage.fields import known, nanoseconds

MOST_TEXT = 512 * 1024  # characters of a line: a collector's file receiver cuts lines at 1 MiB
_CLIENT, _FAILED = 3, 2  # span kind and status code
_LAST = (1 << 64) - 1  # nanoseconds: the largest time that can be written
VENDORS = {  # presets whose name in the conventions is another
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "grok": "x_ai",
    "mistral": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
_COUNTS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "cache_write_1h_tokens": "llmpool.cache_write_1h_tokens",
    "request_count": "llmpool.request_count",
    "attempts": "llmpool.attempts",
    "lost_tokens": "llmpool.lost_tokens",
}
_TEXTS = {
    "session": "gen_ai.conversation.id",
    **{
        name: f"llmpool.{name}"
        for name in (
            *("deployment", "provider", "key", "tag", "decision_id", "requested", "selected", "reason"),
            *("complexity", "price_source", "price_dated", "lost_cost"),
        )
    },
}


def lines(records: Iterable[dict[str, Any]], presets: Mapping[str, str], version: str) -> Iterator[str]:
    """Write *records* as requests of at most half a megabyte, one a line.

    *presets* has the preset of each provider that is made from one; *version* is llmpool's.
    """
    head, tail = _envelope(version)
    batch: list[str] = []
    size = 0
    for record in records:
        text = json.dumps(span(record, presets), separators=(",", ":"))
        if batch and size + len(text) > MOST_TEXT:
            yield head + ",".join(batch) + tail
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield head + ",".join(batch) + tail


def span(record: dict[str, Any], presets: Mapping[str, str]) -> dict[str, Any]:
    """Write one record as a span."""
    fields = known(record)
    digest = sha256(str(record["id"]).encode("utf-8", "replace")).hexdigest()
    end = min(nanoseconds(fields["at"]), _LAST) if "at" in fields else 0
    start = max(0, end - fields.get("latency_ms", 0) * 1_000_000)
    model = fields.get("model", "")
    made: dict[str, Any] = {
        "traceId": digest[:32],
        "spanId": digest[32:48],
        "name": _utf8(f"chat {model}".strip()),
        "kind": _CLIENT,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": [{"key": key, "value": value} for key, value in _attributes(fields, presets)],
    }
    if fields.get("success") is not True:
        made["status"] = {"code": _FAILED, "message": _error(fields)}
    return made


def _attributes(
    fields: Mapping[str, Any], presets: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the attributes that are known, typed as OTLP has them."""
    provider = fields.get("provider", "")
    preset = presets.get(provider) or provider
    yield "gen_ai.operation.name", _text("chat")
    yield "gen_ai.provider.name", _text(VENDORS.get(preset, preset))
    for key in ("gen_ai.request.model", "gen_ai.response.model"):
        if "model" in fields and (fields.get("success") or key == "gen_ai.request.model"):
            yield key, _text(fields["model"])
    for name, key in _COUNTS.items():
        if name in fields:
            yield key, {"intValue": str(fields[name])}
    for name, key in _TEXTS.items():
        if fields.get(name):
            yield key, _text(fields[name])
    if "ttft_ms" in fields:
        yield "gen_ai.response.time_to_first_chunk", {"doubleValue": fields["ttft_ms"] / 1000}
    if fields.get("cost") is not None:
        yield "llmpool.cost_usd", {"doubleValue": float(fields["cost"])}
    for name in ("estimated", "interrupted"):
        if name in fields:
            yield f"llmpool.{name}", {"boolValue": fields[name]}
    if fields.get("success") is not True:
        yield "error.type", _text(_error(fields))


def _error(fields: Mapping[str, Any]) -> str:
    """Name what went wrong; `_OTHER` is the conventions' word where nobody knows."""
    return fields.get("error") or "_OTHER"


def _text(value: str) -> dict[str, Any]:
    """Write a text."""
    return {"stringValue": _utf8(value)}


def _utf8(text: str) -> str:
    """Replace half a surrogate pair: OTLP takes UTF-8 only."""
    return text.encode("utf-8", "replace").decode()


def _envelope(version: str) -> tuple[str, str]:
    """Return what stands before and after the spans of a request."""
    resource = {
        "attributes": [
            {"key": "service.name", "value": _text("llmpool")},
            {"key": "service.version", "value": _text(version)},
        ]
    }
    scope = {"name": "llmpool", "version": version}
    head = (
        f'{{"resourceSpans":[{{"resource":{json.dumps(resource)},"scopeSpans":[{{"scope":{json.dumps(scope)}'
    )
    return head + ',"spans":[', "]}]}]}\n"
