"""importers.zimaos_usage: a record of ZimaOS as this program keeps it (pool-ledger-credentials 1.1, 1.4)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from llmpool.importers import zimaos_usage
from llmpool.importers.usage_record import NotARecord, parse
from llmpool.usage.fields import is_id

THEIRS = {
    "id": "usage_0123456789abcdef",
    "provider_id": "anthropic",
    "model_id": "claude-sonnet-4-5",
    "api_key_id": "key_0123456789abcdef",
    "timestamp": "2026-03-09T23:59:59.9Z",
    "input_tokens": 2000,
    "output_tokens": 800,
    "cache_read_tokens": 10000,
    "cache_write_tokens": 5,
    "request_count": 1,
    "latency_ms": 230,
    "success": True,
    "estimated_cost": 0.051,
    "session_id": "s1",
    "user_id": "somebody",
}
OURS = {
    "id": "usage_0123456789abcdef",
    "at": "2026-03-09T23:59:59.900Z",
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "deployment": "anthropic/claude-sonnet-4-5",
    "success": True,
    "input_tokens": 12005,
    "output_tokens": 800,
    "cache_read_tokens": 10000,
    "cache_write_tokens": 5,
    "request_count": 1,
    "latency_ms": 230,
    "key": "key_0123456789abcdef",
    "session": "s1",
    "price_source": "imported",
    "cost": "0.051",
}


def taken(**changes: Any) -> dict[str, Any]:
    """Convert the record with these changes, through its text; a value of None takes the field away."""
    fields = {name: value for name, value in (THEIRS | changes).items() if value is not None}
    return zimaos_usage.record(parse(json.dumps(fields).encode()))


def test_every_field_finds_its_place() -> None:
    """Cached tokens go inside the input (ruling 16), the cost stays to the digit, the user has no place."""
    assert taken() == OURS


def test_what_was_not_measured_is_unknown() -> None:
    """A cost and a latency of 0, and counts that are left out, mean there that nobody knows."""
    bare = taken(
        estimated_cost=0, latency_ms=0, cache_read_tokens=None, cache_write_tokens=None, api_key_id=None
    )
    assert bare["cost"] is None
    assert not {"price_source", "latency_ms", "cache_read_tokens", "cache_write_tokens", "key"} & set(bare)
    assert bare["input_tokens"] == 2000
    assert taken(estimated_cost=None)["cost"] is None
    assert taken(request_count=None)["request_count"] == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("2026-03-10T01:59:59.999999999+02:00", "2026-03-09T23:59:59.999Z"),  # 1.4: UTC first
        ("2026-03-09T23:59:59-03:30", "2026-03-10T03:29:59.000Z"),
        ("2026-03-09 23:59:59.1Z", "2026-03-09T23:59:59.100Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_become_utc(theirs: str, ours: str) -> None:
    """Offsets are taken off, and what is finer than a millisecond is cut."""
    assert taken(timestamp=theirs)["at"] == ours


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00Z",  # 0.2: it was never set
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "2026-03-09T24:00:00Z",
        "2026-03-09T23:59:60Z",
        "2026-03-09T23:59:59",  # whose local time?
        "2026-03-09",
        "2026-W11-1T00:00:00Z",
        "\u0662026-03-09T23:59:59Z",
        "not-a-time",
        "",
        5,
        None,
        [],
    ],
    ids=repr,
)
def test_what_is_no_time_is_no_record(time: Any) -> None:
    """Times without an offset, before 1970, or that no calendar has."""
    with pytest.raises(NotARecord, match="no time"):
        taken(timestamp=time)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"provider_id": "../escape"}, "provider id"),
        ({"provider_id": "a/b"}, "provider id"),
        ({"provider_id": ""}, "provider id"),
        ({"provider_id": "x" * 129}, "provider id"),
        ({"provider_id": 7}, "provider id"),
        ({"model_id": ""}, "no name"),
        ({"model_id": "a\x1b[2Jb"}, "no name"),
        ({"model_id": "m" * 513}, "no name"),
        ({"model_id": ["m"]}, "no name"),
        ({"success": "yes"}, "success"),
        ({"success": None}, "success"),
        ({"success": 1}, "success"),
        ({"input_tokens": -1}, "count"),
        ({"input_tokens": 1.5}, "count"),
        ({"output_tokens": "5"}, "count"),
        ({"cache_read_tokens": True}, "count"),
        ({"latency_ms": 1 << 63}, "count"),
        ({"input_tokens": (1 << 63) - 1}, "count"),  # with what was cached it is no count any more
        ({"estimated_cost": -0.01}, "cost"),
        ({"estimated_cost": "0.01"}, "cost"),
        ({"estimated_cost": True}, "cost"),
        ({"estimated_cost": 1e15}, "cost"),
        ({"estimated_cost": 10**400}, "cost"),
        ({"estimated_cost": 1e-50}, "cost"),
        ({"session_id": 5}, "text"),
        ({"session_id": "s" * 5000}, "text"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_no_record(changes: dict[str, Any], why: str) -> None:
    """Names that are none here, counts and costs that nobody can have counted: the line is broken."""
    with pytest.raises(NotARecord, match=why):
        taken(**changes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not JSON"),
        (b"{torn", "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b'{"estimated_cost": 1' + b"0" * 5000 + b"}", "not JSON"),
        (b'{"estimated_cost": 1e99999999999999999999}', "not JSON"),
        (b'{"estimated_cost": NaN}', "NaN"),
        (b'{"estimated_cost": -Infinity}', "NaN"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_object_is_no_record(text: bytes, why: str) -> None:
    """Torn lines, other encodings, depths without end and numbers that are none."""
    with pytest.raises(NotARecord, match=why):
        parse(text)


def test_a_cost_that_is_there_is_kept() -> None:
    """Example 7: 0.05 keeps 0.05; 0 was never computed, so it is unknown until `usage reprice` prices it."""
    kept = taken(estimated_cost=0.05)
    assert (kept["cost"], kept["price_source"]) == ("0.05", "imported")
    assert taken(estimated_cost=0)["cost"] is None


@pytest.mark.parametrize(
    ("number", "cost"),
    [
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("1e-7", "0.0000001"),
        ("12", "12"),
        ("0.12345678901234567890123456789012345", "0.1234567890123456789012345679"),
        ("-0.0", None),
    ],
)
def test_the_cost_is_what_was_written(number: str, cost: str | None) -> None:
    """Money never passes through a float, and has no exponent (DESIGN 3.2)."""
    text = json.dumps(THEIRS).replace("0.051", number).encode()
    assert zimaos_usage.record(parse(text))["cost"] == cost


@pytest.mark.parametrize("bad", ["", "a/b", "../x", "x" * 200, "a b", "\x1b[2J", 5, None], ids=repr)
def test_an_id_that_is_none_becomes_one_that_stays(bad: Any) -> None:
    """It is made of the record, so that the same record has the same id next time, and no other has it."""
    first, again, other = taken(id=bad), taken(id=bad), taken(id=bad, output_tokens=801)
    assert first["id"] == again["id"] != other["id"]
    assert is_id(first["id"])
    assert first["id"].startswith("usage_")


def test_a_key_in_the_place_of_its_id_is_masked() -> None:
    """Ids of keys stay; what is anything else might be the key itself."""
    assert taken(api_key_id="sk-1807890abcdef")["key"] == "sk-18078...cdef"
    assert taken(api_key_id="short")["key"] == "*****"


def test_text_is_made_harmless() -> None:
    """A session's name with control characters loses them."""
    assert taken(session_id="a\x1b[31m\nb\u202e")["session"] == "a\u241b[31m b"
    assert "session" not in taken(session_id="\n")


def test_what_is_nested_almost_too_deep_to_be_read_is_no_record() -> None:
    """An id is made of all of it, and writing goes a little less deep than reading."""
    for depth in range(900, 1000):
        nested = b'"x": ' + b"[" * depth + b"]" * depth
        text = json.dumps(THEIRS | {"id": ""}).encode().replace(b'"user_id": "somebody"', nested)
        with suppress(NotARecord):
            assert is_id(zimaos_usage.record(parse(text))["id"])
