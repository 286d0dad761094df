"""usage.otlp against OpenTelemetry's own definition of the message, where that is installed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.usage import otlp
from tests.unit.usage.test_otlp import HOSTILE, RECORD

json_format = pytest.importorskip("google.protobuf.json_format")
service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


def read(line: str) -> Any:
    """Read a line as a collector does: protobuf's JSON, but for the ids, which OTLP writes in hex."""
    document = json.loads(line)
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId"):
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json_format.ParseDict(document, service.ExportTraceServiceRequest())  # unknown fields raise


def test_the_message_says_what_the_record_says() -> None:
    """Every field arrives with its type."""
    (line,) = otlp.lines([RECORD | {"success": False, "error": "timeout"}], {}, "1")
    (span,) = read(line).resource_spans[0].scope_spans[0].spans
    assert (len(span.trace_id), len(span.span_id), span.kind, span.status.code) == (16, 8, 3, 2)
    assert (span.end_time_unix_nano - span.start_time_unix_nano, span.name) == (
        1_500_000_000,
        "chat gemini-2.5-pro",
    )
    values = {each.key: each.value for each in span.attributes}
    assert values["gen_ai.usage.input_tokens"].int_value == 12000
    assert values["llmpool.cost_usd"].double_value == 0.0075
    assert values["error.type"].string_value == "timeout"


@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_every_line_is_a_message(records: list[dict[str, Any]]) -> None:
    """Whatever stands in the log."""
    spans = [
        span
        for line in otlp.lines(records, {}, "1")
        for span in read(line).resource_spans[0].scope_spans[0].spans
    ]
    assert len(spans) == len(records)
    for message in spans:
        message.SerializeToString()
