"""usage.otlp: spans as OTLP's JSON has them; each line is a request that a collector takes."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.usage import otlp

RECORD = {
    "id": "usage_0123456789abcdef",
    "at": "2026-11-21T03:44:00.123Z",
    "provider": "work",
    "model": "gemini-2.5-pro",
    "deployment": "work/gemini-2.5-pro",
    "success": True,
    "input_tokens": 12000,
    "output_tokens": 800,
    "cache_read_tokens": 10000,
    "cache_write_tokens": 5,
    "reasoning_tokens": 7,
    "latency_ms": 1500,
    "ttft_ms": 250,
    "cost": "0.0075",
    "session": "trip",
    "tag": "batch",
    "estimated": True,
}
_VALUES = {"stringValue": str, "boolValue": bool, "intValue": str, "doubleValue": (int, float)}


def spans(*records: dict[str, Any], presets: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Write the records and take the spans out of every line, checking what is around them."""
    found = []
    for line in otlp.lines(records, presets or {}, "1.2"):
        assert line.endswith("\n")
        assert line.isascii()
        (resource,) = json.loads(line)["resourceSpans"]
        service = {"key": "service.name", "value": {"stringValue": "llmpool"}}
        assert service in resource["resource"]["attributes"]
        (scope,) = resource["scopeSpans"]
        assert scope["scope"] == {"name": "llmpool", "version": "1.2"}
        found += scope["spans"]
    for span in found:
        valid(span)
    return found


def valid(span: dict[str, Any]) -> None:
    """Hold a span to OTLP's JSON mapping: hex ids, 64-bit numbers as text, enums as numbers, typed values."""
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"])
    assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
    assert set(span["traceId"]) != {"0"}
    assert set(span["spanId"]) != {"0"}
    start, end = span["startTimeUnixNano"], span["endTimeUnixNano"]
    assert type(start) is type(end) is str
    assert 0 <= int(start) <= int(end) < 1 << 64
    assert span["kind"] == 3
    assert span.get("status", {}).get("code", 2) == 2
    keys = [attribute["key"] for attribute in span["attributes"]]
    assert len(keys) == len(set(keys))
    for attribute in span["attributes"]:
        ((kind, value),) = attribute["value"].items()
        assert isinstance(value, _VALUES[kind]), attribute
        if kind == "intValue":
            assert -(1 << 63) <= int(value) < 1 << 63


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def test_a_request_is_a_span_with_the_names_of_the_conventions() -> None:
    """It ends when it was recorded and lasted its latency; counts, cost and our own names come along."""
    (span,) = spans(RECORD, presets={"work": "google"})
    assert span["name"] == "chat gemini-2.5-pro"
    assert span["endTimeUnixNano"] == "1795232640123000000"
    assert span["startTimeUnixNano"] == "1795232638623000000"
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-pro",
        "gen_ai.response.model": "gemini-2.5-pro",
        "gen_ai.usage.input_tokens": "12000",
        "gen_ai.usage.output_tokens": "800",
        "gen_ai.usage.cache_read.input_tokens": "10000",
        "gen_ai.usage.cache_creation.input_tokens": "5",
        "gen_ai.usage.reasoning.output_tokens": "7",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.conversation.id": "trip",
        "llmpool.deployment": "work/gemini-2.5-pro",
        "llmpool.provider": "work",
        "llmpool.tag": "batch",
        "llmpool.cost_usd": 0.0075,
        "llmpool.estimated": True,
    }
    assert "status" not in span


def test_a_failed_request_says_what_was_wrong() -> None:
    """Its status is an error of that type; no model answered."""
    (span,) = spans(RECORD | {"success": False, "error": "rate_limit"})
    assert span["status"] == {"code": 2, "message": "rate_limit"}
    assert attributes(span)["error.type"] == "rate_limit"
    assert "gen_ai.response.model" not in attributes(span)
    (unknown,) = spans(RECORD | {"success": False})
    assert attributes(unknown)["error.type"] == "_OTHER"


def test_what_is_unknown_is_left_out() -> None:
    """Neither counts nor cost are made up, and what is no field of a record stays out."""
    (span,) = spans(
        {"id": "u", "at": "2026-11-21T03:44:00Z", "success": True, "cost": None, "prompt": "secret"}
    )
    assert attributes(span) == {"gen_ai.operation.name": "chat", "gen_ai.provider.name": ""}
    assert span["startTimeUnixNano"] == span["endTimeUnixNano"] == "1795232640000000000"
    assert "secret" not in json.dumps(span)


def test_providers_have_the_names_of_the_conventions() -> None:
    """Presets that the conventions know by another name; anybody else keeps the id it has here."""
    names = {
        "xai": "x_ai",
        "mistral": "mistral_ai",
        "openai": "openai",
        "azure": "azure.ai.openai",
        "den": "den",
    }
    for provider, name in names.items():
        (span,) = spans(RECORD | {"provider": provider})
        assert attributes(span)["gen_ai.provider.name"] == name


def test_the_same_record_is_the_same_span() -> None:
    """What is sent twice is one span to a collector; another record is another span."""
    first, again, other = spans(RECORD, RECORD, RECORD | {"id": "usage_2"})
    assert (first["traceId"], first["spanId"]) == (again["traceId"], again["spanId"])
    assert first["spanId"] != other["spanId"]
    assert first["traceId"] != other["traceId"]


def test_lines_stay_short_enough_for_a_collector() -> None:
    """Many records are several requests, each under the size at which a file receiver cuts lines."""
    lines = list(otlp.lines((RECORD | {"id": f"u{n}"} for n in range(2000)), {}, "1"))
    assert len(lines) > 1
    assert max(map(len, lines)) < 1 << 20
    made = [span for line in lines for span in json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]]
    assert len({span["spanId"] for span in made}) == 2000
    assert list(otlp.lines([], {}, "1")) == []


HOSTILE = st.fixed_dictionaries(
    {
        "id": st.text(),
        "at": st.sampled_from(["", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", RECORD["at"]]),
    },
    optional={
        "model": st.text() | st.integers(),
        "provider": st.text(),
        "success": st.booleans() | st.none(),
        "error": st.text() | st.none(),
        "latency_ms": st.integers() | st.floats(),
        "ttft_ms": st.integers(min_value=0, max_value=(1 << 63) - 1),
        "input_tokens": st.integers() | st.text(),
        "cost": st.none() | st.sampled_from(["NaN", "1E+99", "1E-99", "0.1", "x"]),
        "session": st.text(alphabet=st.characters(categories=["Cs", "Cc", "L"])),
    },
)


@given(st.lists(HOSTILE, max_size=5))
def test_every_record_makes_a_span_that_is_valid(records: list[dict[str, Any]]) -> None:
    """Whatever stands in the log: times without end, numbers that are none, halves of characters."""
    assert len(spans(*records)) == len(records)
