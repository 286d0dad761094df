"""Forms of an answer: code blocks, templates, schemas, previews with their price, raw text for pipes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

CODE = "Here it is:\n```python\nprint('hi')\n```\nEnjoy."


def pool_of(home: Home, server: FakeServer, *more: str) -> None:
    """Configure the server as provider a and refresh."""
    home.write_config(provider("a", server.url), *more)
    assert home.here("refresh").code == 0


def schema_in(home: Home, text: str = '{"type": "object", "required": ["name"]}') -> str:
    """Write a schema where runs take place and return its name."""
    Path(home.cwd, "s.json").write_text(text)
    return str(Path(home.cwd, "s.json"))


def test_extract_prints_the_first_code_block_alone(home: Home, server: FakeServer) -> None:
    """-x prints what is between the fences, and says so where there are none; --json has the same text."""
    pool_of(home, server)
    server.text = CODE
    assert home.here("chat", "-x", "code").out == "print('hi')\n"
    assert home.here("chat", "-x", "--json", "code").json["text"] == "print('hi')\n"
    server.text = "no code"
    plain = home.here("chat", "-x", "code")
    assert (plain.out, plain.err) == (
        "no code\n",
        "note: there is no code block in the answer; this is all of it\n",
    )


def test_a_template_is_filled_and_sent(home: Home, server: FakeServer) -> None:
    """-t takes the config's prompt, --var fills its places, stdin stands where {input} does."""
    pool_of(home, server, "[templates]", 'say = "Say in {language}: {input}"')
    assert home.here("chat", "-t", "say", "--var", "language=Latin", stdin="good day").code == 0
    assert server.chats[-1].json["messages"] == [{"role": "user", "content": "Say in Latin: good day"}]
    wrong = home.here("chat", "-t", "sya", "x")
    assert (wrong.code, "did you mean say?" in wrong.err) == (3, True)
    assert home.here("chat", "-t", "say", "x").code == 2
    assert home.here("chat", "--var", "a=b", "x").err.startswith("error: --var is for a template")
    assert home.here("chat", "-t", "say", "--var", "language", "x").code == 2
    assert len(server.chats) == 1


def test_an_answer_that_fits_is_printed_without_its_fence(home: Home, server: FakeServer) -> None:
    """--schema prints JSON that another program can read."""
    pool_of(home, server)
    server.text = '```json\n{"name": "red"}\n```'
    schema = schema_in(home)
    assert home.here("chat", "--schema", schema, "a colour").out == '{"name": "red"}\n'
    assert json.loads(home.here("chat", "--json", "--schema", schema, "a colour").json["text"]) == {
        "name": "red"
    }


def test_an_answer_that_does_not_fit_is_asked_for_once_more(home: Home, server: FakeServer) -> None:
    """What does not fit may fit the next time; nothing wrong is printed, and nobody rests for it."""
    pool_of(home, server)
    server.text = '{"name": "red"}'
    server.behave([faults.ok('{"nam": "red"}')])
    result = home.here("chat", "--schema", schema_in(home), "a colour")
    assert (result.code, result.out, len(server.chats)) == (0, '{"name": "red"}\n', 2)
    assert "the answer does not fit the schema: the answer must contain ['name'] properties" in result.err
    assert home.here("providers", "list", "--json").json["providers"][0].get("cooldown") is None


def test_an_answer_that_never_fits_ends_with_7(home: Home, server: FakeServer) -> None:
    """Every attempt is listed with what is wrong with it, and the way out is named."""
    pool_of(home, server)
    result = home.here("chat", "--json", "--schema", schema_in(home), "a colour")
    assert (result.code, result.out, len(server.chats)) == (7, "", 2)
    assert [attempt["kind"] for attempt in result.error["attempts"]] == ["unfit", "unfit"]
    assert "the answer is no JSON" in result.error["attempts"][0]["message"]


def test_a_bad_schema_is_refused_before_anything_is_sent(home: Home, server: FakeServer) -> None:
    """A schema that is none is told with its file."""
    pool_of(home, server)
    schema = schema_in(home, '{"type": "colour"}')
    result = home.here("chat", "--schema", schema, "a colour")
    assert (result.code, result.err) == (2, f"error: --schema {schema} is no JSON schema: Unknown type\n")
    assert server.chats == []


def test_a_preview_says_what_it_would_cost(home: Home, server: FakeServer) -> None:
    """--dry-run tells the price of the prompt and the most with an answer; what is unknown is called so."""
    home.write_config(provider("a", server.url, location="cloud"), model("a/m"))
    assert home.here("refresh").code == 0
    assert "what it would cost is unknown" in home.here("chat", "--dry-run", "hi").out
    assert home.here("usage", "prices", "set", "a/m", "--input", "1000", "--output", "2000").code == 0
    told = home.here("chat", "--dry-run", "hi").out
    assert "costs $0.0010 for the prompt, at most $2.00 with an answer of 1000 tokens" in told
    assert "costs $0.0010 to $0.02" in home.here("chat", "--dry-run", "--max-tokens", "10", "hi").out
    shown = home.here("chat", "--dry-run", "--json", "--max-tokens", "10", "hi").json
    assert shown["cost"] == {"prompt": "0.001", "worst": "0.021"}
    assert server.chats == []


def test_raw_is_for_pipes(home: Home, server: FakeServer) -> None:
    """A pipe may have what the model wrote, control codes and all; a terminal never."""
    pool_of(home, server)
    server.text = "a\x1b[31mb"
    assert home.here("chat", "hi").out == "a\u241b[31mb\n"
    assert home.here("chat", "--raw", "hi").out == "a\x1b[31mb\n"


def test_stats_tell_speed_reason_and_attempts(home: Home, server: FakeServer) -> None:
    """--stats says who answered and why, on stderr, whatever stdout is."""
    pool_of(home, server)
    told = home.here("chat", "--stats", "hi").err.splitlines()
    assert told[0].startswith("a/m · 7 in, 2 out · free · first token ")
    assert told[-1] == "a[success:m]"


def test_what_is_for_a_batch_alone_is_not_ignored(home: Home, server: FakeServer) -> None:
    """An option that would do nothing is refused, and nothing is sent."""
    pool_of(home, server)
    assert home.here("chat", "--jobs", "3", "hi").err.startswith("error: --jobs is for --batch")
    assert home.here("chat", "-o", "f", "hi").err.startswith("error: -o is for --batch")
    assert server.chats == []
