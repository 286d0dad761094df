"""`route --batch`: a decision a line, and a bad line costs nobody but itself."""

from __future__ import annotations

import json

import pytest

from tests.support import Home, model, provider


@pytest.fixture
def two(home: Home) -> Home:
    home.write_config(
        provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
        provider("den", "http://127.0.0.1:9/v1"),
        model("sky/big", quality=10, speed=6, cost_tier=3, context_window=200000),
        model("den/small", quality=5, speed=8, context_window=8192),
    )
    return home


def test_a_bad_line_has_its_error_in_its_place(two: Home) -> None:
    """Each mistake is named, whatever it is; the lines around it are decided, and the end is 2."""
    lines = (
        (b'{"query": "hi"}', ""),
        (b"\xff\xfe", "not UTF-8 (byte 0 of the line)"),
        (b"not json", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[1]", 'not an object with a text "query"'),
        (b'{"context_size": 5}', 'not an object with a text "query"'),
        (b'{"query": 7}', '"query" is not a text'),
        (b'{"query": "x", "no": 1}', '"no" is not known'),
        (b'{"query": "x", "context_size": 1e3}', '"context_size" is not a whole number'),
        (b'{"query": "x", "context_size": -1}', '"context_size" is too small'),
        (b'{"query": "x", "context_size": 1' + b"0" * 30 + b"}", '"context_size" is too large'),
        (b'{"query": "x", "tool_count": true}', '"tool_count" is not a whole number'),
        (b'{"query": "x", "needs_tools": 1}', '"needs_tools" is not true or false'),
        (b'{"query": "x", "priority": "urgent"}', '"priority" is interactive or background'),
        (b'\xef\xbb\xbf{"query": "\\ud800 why", "context_size": 0, "hints": {"quality_floor": 6}}', ""),
    )
    result = two.here("route", "--batch", "-", "--json", stdin=b"\n\n".join(line for line, _ in lines))
    assert result.code == 2
    told = [each["error"]["message"] if "error" in each else "" for each in result.documents]
    assert told == [message for _, message in lines]
    assert [each["line"] for each in result.documents if "error" in each] == list(range(3, 28, 2))
    last = result.documents[-1]["decision"]
    assert (last["complexity"], 0 <= last["difficulty"] <= 1) == ("complex", True)
    assert last["request"] | {"hints": {"quality_floor": "6"}, "context_size": 0} == last["request"]


def test_a_mistake_in_the_options_is_no_lines_fault(two: Home) -> None:
    """An unknown model, group or profile ends the run at once, as it does without --batch."""
    for words in (("-m", "nosuch"), ("--group", "nosuch"), ("--profile", "nosuch")):
        result = two.here("route", "--batch", "-", "--json", *words, stdin='{"query": "hi"}\n')
        assert (result.code, result.out, result.error["kind"]) == (3, "", "unknown_name")


def test_a_tag_binds_the_lines_as_it_binds_one_question(two: Home) -> None:
    """What a budget over a tag refuses `route --tag` it refuses every line; a query of its own is refused."""
    budget = ("[budgets.b]", "limit = '0'", "per = 'day'", "tag = 'batch'")
    two.config.write_text("\n".join((two.config.read_text(), *budget)))
    two.here("usage", "prices", "set", "sky/big", "--input", "3", "--output", "15")
    asked = ("route", "--mode", "cloud", "--tag", "batch")
    assert two.here(*asked, "hi").code == 8
    line = two.here(*asked, "--batch", "-", stdin='{"query": "hi"}\n').documents[0]["decision"]
    assert (line["selected"], line["no_eligible"]) == (None, True)
    for words in (("--batch", "-", "a question"), ("--batch", "-", "--record")):
        assert two.here("route", *words, stdin='{"query": "hi"}\n').code == 2


def test_all_candidates_of_every_line(home: Home) -> None:
    """The best 50 of each, with --all every one; decisions of two hundred lines are two hundred lines."""
    home.write_config(
        provider("den", "http://127.0.0.1:9/v1"), *(model(f"den/m{n:02}", quality=n % 10) for n in range(60))
    )
    asked = "".join(json.dumps({"query": f"hello {n}"}) + "\n" for n in range(200))
    result = home.here("route", "--batch", "-", "--json", stdin=asked)
    documents = result.documents
    assert (result.code, len(documents)) == (0, 200)
    first = documents[0]["decision"]
    assert (len(first["candidates"]), first["candidates_total"]) == (50, 60)
    whole = home.here("route", "--batch", "-", "--json", "--all", stdin='{"query": "hi"}\n').documents[0]
    assert len(whole["decision"]["candidates"]) == 60
