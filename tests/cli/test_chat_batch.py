"""A file of prompts: answers in its order, errors in their places, nothing asked twice, nothing lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import Home, Result, model, provider


@pytest.fixture
def den(home: Home, server: FakeServer) -> Home:
    """Give a home with one deployment, whose answers repeat what they were asked."""
    home.write_config(provider("den", server.url), model("den/m"))
    server.behave(echo)
    return home


def asked(request: Request) -> str:
    """Return the prompt of a request."""
    return str(request.json["messages"][-1]["content"])


def echo(_number: int, request: Request) -> Behaviour:
    """Answer with the prompt."""
    return faults.ok(f"you said {asked(request)}")


def write(home: Home, lines: Iterable[Any], name: str = "prompts.jsonl") -> str:
    """Write a file of prompts, objects as JSON, and return its name."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path = home.cwd / name
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


def numbered(count: int) -> list[dict[str, Any]]:
    """Make so many prompts."""
    return [{"prompt": f"question {number}", "id": number} for number in range(1, count + 1)]


def answers(home: Home, name: str = "answers.jsonl") -> list[Any]:
    """Read a file of answers."""
    return [json.loads(line) for line in (home.cwd / name).read_text().splitlines()]


def batch(home: Home, source: str, *options: str) -> Result:
    """Run a batch into the usual file."""
    return home.here("chat", "--batch", source, "-o", "answers.jsonl", "--max-wait", "0", *options)


def test_answers_come_in_the_order_of_the_prompts(den: Home, server: FakeServer) -> None:
    """Whoever answers first: the lines of the answers are those of the prompts, each with number and id."""

    def late_first(exchange: Exchange) -> None:
        exchange.sleep(0.3)
        faults.ok("you said question 1")(exchange)

    server.behave(lambda n, request: late_first if asked(request) == "question 1" else echo(n, request))
    result = den.here("chat", "--batch", write(den, numbered(9)), "--jobs", "4")
    assert result.code == 0, result
    assert [(each["line"], each["id"], each["text"]) for each in result.documents] == [
        (n, n, f"you said question {n}") for n in range(1, 10)
    ]
    assert {each["served_by"] for each in result.documents} == {"den/m"}
    assert result.err.startswith("9 answered, free")


def test_bad_lines_fail_in_their_places(den: Home) -> None:
    """A line that makes no sense holds its error; empty ones count as lines and are passed over."""
    lines = ['{"prompt": "a"}', "", "nonsense", '{"prompt": 3}', '{"prompt": "x", "colour": 1}', '"b"', "{}"]
    result = den.here("chat", "--batch", write(den, lines))
    assert result.code == 9
    told = [(each["line"], each.get("text") or each["error"]["message"]) for each in result.documents]
    assert told == [
        (1, "you said a"),
        (3, "not JSON"),
        (4, '"prompt" is not a text'),
        (5, '"colour" is not known'),
        (6, "you said b"),
        (7, 'not an object with a text "prompt"'),
    ]
    assert "2 answered, 4 failed, free" in result.err
    assert "failed lines: 3, 4, 5, 7" in result.err


def test_a_text_file_has_a_prompt_a_line(den: Home) -> None:
    """Where the file's name ends in .txt nothing is read as JSON."""
    result = den.here("chat", "--batch", write(den, ["one", '{"two"', '"three"'], "prompts.txt"))
    assert [each["text"] for each in result.documents] == [
        "you said one",
        'you said {"two"',
        'you said "three"',
    ]


def test_prompts_come_on_stdin(den: Home) -> None:
    """`-` reads JSON lines from stdin."""
    result = den.here("chat", "--batch", "-", stdin='{"query": "q"}\n"r"\n')
    assert [each["text"] for each in result.documents] == ["you said q", "you said r"]


def test_a_line_says_more_than_the_command_line(den: Home, server: FakeServer) -> None:
    """Options are defaults; the prompt of the command line goes in front of each."""
    server.models = ["m", "n"]
    den.write_config(provider("den", server.url), model("den/m"), model("den/n"))
    lines = [
        {
            "prompt": "a",
            "system": "be brief",
            "max_tokens": 9,
            "temperature": 0,
            "model": "den/n",
            "tag": "t",
        },
        {"prompt": "b"},
    ]
    source = write(den, lines)
    result = den.here("chat", "-m", "den/m", "--max-tokens", "7", "--tag", "u", "--batch", source, "Say:")
    assert result.code == 0, result
    sent = {request.json["messages"][-1]["content"]: request.json for request in server.chats}
    first, second = sent["Say:\n\na"], sent["Say:\n\nb"]
    assert (first["model"], first["max_tokens"], first["temperature"]) == ("n", 9, 0)
    assert first["messages"][0] == {"role": "system", "content": "be brief"}
    assert (second["model"], second["max_tokens"], "temperature" in second) == ("m", 7, False)
    records = den.here("usage", "list", "--json").json["records"]
    assert sorted(each["tag"] for each in records) == ["t", "u"]


def test_only_what_failed_is_asked_again(den: Home, server: FakeServer) -> None:
    """Run once more, the same command asks the lines that failed; the others stay as they are."""
    source = write(den, numbered(6))
    server.behave(lambda n, r: faults.status(400) if asked(r) in ("question 2", "question 5") else echo(n, r))
    first = batch(den, source)
    assert first.code == 9, first
    assert "4 answered, 2 failed" in first.err
    assert "failed lines: 2, 5; again: same command" in first.err
    kept = answers(den)
    assert [("error" in each) for each in kept] == [False, True, False, False, True, False]
    server.behave(echo)
    server.chats.clear()
    second = batch(den, source)
    assert second.code == 0, second
    assert sorted(map(asked, server.chats)) == ["question 2", "question 5"]
    assert [each["text"] for each in answers(den)] == [f"you said question {n}" for n in range(1, 7)]
    assert [each for each in answers(den) if each["line"] not in (2, 5)] == [
        each for each in kept if "error" not in each
    ]
    server.chats.clear()
    third = batch(den, source)
    assert (third.code, server.chats) == (0, [])
    assert third.err.startswith("0 answered, 6 answered before")
    assert sorted(path.name for path in den.cwd.iterdir()) == ["answers.jsonl", "prompts.jsonl"]


def test_an_edited_line_is_noticed(den: Home, server: FakeServer) -> None:
    """A line that has changed is asked again, a new one too; the answer to what it was is kept aside."""
    assert batch(den, write(den, numbered(3))).code == 0
    server.chats.clear()
    changed = [*numbered(3), {"prompt": "one more"}]
    changed[1] = {"prompt": "another question", "id": 2}
    result = batch(den, write(den, changed))
    assert result.code == 0, result
    assert sorted(map(asked, server.chats)) == ["another question", "one more"]
    told = ["question 1", "another question", "question 3", "one more"]
    assert [each["text"] for each in answers(den)] == [f"you said {text}" for text in told]
    assert [each["text"] for each in answers(den, "answers.jsonl.old")] == ["you said question 2"]
    assert "1 had changed" in result.err


@pytest.mark.parametrize("content", ["my notes\n", '{"line": 1}\n', '{"key": "a", "line": "1"}\n'])
def test_a_file_of_somebody_else_is_left_alone(den: Home, server: FakeServer, content: str) -> None:
    """What is no answers of a batch is never written over, and nothing is sent."""
    for name in ("answers.jsonl", "answers.jsonl.part"):
        (den.cwd / name).write_text(content)
        result = batch(den, write(den, numbered(1)))
        assert result.code == 2
        assert "left alone" in result.err or "move it away" in result.err
        assert (den.cwd / name).read_text() == content
        (den.cwd / name).unlink()
    assert server.chats == []


def test_answers_to_other_prompts_are_not_mixed(den: Home, server: FakeServer) -> None:
    """Where no prompt is the one that was answered, somebody has named the wrong file."""
    assert batch(den, write(den, numbered(2))).code == 0
    server.chats.clear()
    result = batch(den, write(den, ['"x"', '"y"']))
    assert (result.code, server.chats) == (2, [])
    assert "has 2 answers, and none is to these prompts" in result.err
    assert "be brief" not in batch(den, write(den, numbered(2)), "-s", "be brief").out
    assert server.chats == []


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (("-o", "nowhere/answers.jsonl"), "there is no directory"),
        (("-o", "."), "is no file"),
        (("--session", "x"), "keeps no conversation"),
        (("-m", "nosuch"), 'no model "nosuch"'),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(
    den: Home, server: FakeServer, options: tuple[str, ...], fact: str
) -> None:
    """A mistake in the command line is no fault of a line."""
    result = den.here("chat", "--batch", write(den, numbered(2)), *options)
    assert result.code in (2, 3)
    assert fact in result.err
    assert (result.out, server.chats) == ("", [])


def test_a_missing_file_is_misuse(den: Home) -> None:
    """What cannot be read ends with 2; an empty file has nothing to do."""
    assert den.here("chat", "--batch", "nosuch.jsonl").code == 2
    assert den.here("chat", "--batch", write(den, [])).code == 0


def test_every_request_is_recorded_once(den: Home, server: FakeServer) -> None:
    """The ledger has a line for each answer, with the id that the answer tells."""
    result = den.here("chat", "--batch", write(den, numbered(40)), "--jobs", "8")
    assert result.code == 0, result
    records = den.here("usage", "list", "--json", "--limit", "100").json["records"]
    assert Counter(each["id"] for each in records) == Counter(each["usage_id"] for each in result.documents)
    assert len(server.chats) == 40
    decisions = den.here("usage", "decisions", "--json", "--limit", "100").json["decisions"]
    assert {each["id"] for each in decisions} == {each["decision_id"] for each in result.documents}


def test_another_deployment_steps_in_for_a_line(den: Home, server: FakeServer) -> None:
    """Nothing was shown, so failover goes on; that others answered is said once for all."""
    den.write_config(
        provider("bad", server.url.replace("/v1", "/bad/v1")),
        provider("den", server.url),
        model("bad/m", quality=10),
        model("den/m", quality=3),
    )
    result = den.here("chat", "--batch", write(den, numbered(5)), "--jobs", "1", "--needs", "streaming")
    assert result.code == 0, result
    assert {each["served_by"] for each in result.documents} == {"den/m"}
    assert len(result.err.splitlines()) <= 3


def test_the_schema_holds_for_each_line(den: Home, server: FakeServer, tmp_path: Path) -> None:
    """An answer that does not fit is that line's failure; -x and a line's own schema hold likewise."""
    shape = tmp_path / "shape.json"
    shape.write_text('{"type": "object", "required": ["a"]}')
    server.behave(lambda _, r: faults.ok('{"a": 1}' if asked(r) == "question 1" else "no"))
    result = den.here("chat", "--schema", str(shape), "--batch", write(den, numbered(2)), "--max-wait", "0")
    assert result.code == 9
    assert result.documents[0]["text"] == '{"a": 1}'
    assert "the answer is no JSON" in result.documents[1]["error"]["message"]


def test_only_the_code_is_kept_with_x(den: Home, server: FakeServer) -> None:
    """-x takes the first code block of every answer."""
    server.behave(faults.always(faults.ok("Here:\n```py\nx = 1\n```\n")))
    result = den.here("chat", "-x", "--batch", write(den, numbered(2)))
    assert [each["text"] for each in result.documents] == ["x = 1\n"] * 2


def test_pictures_and_files_go_along(den: Home, server: FakeServer) -> None:
    """A line names what goes with it; one that cannot be read fails alone."""
    (den.cwd / "note.txt").write_text("the note")
    lines = [{"prompt": "a", "attach": "note.txt"}, {"prompt": "b", "attach": ["gone.txt"]}]
    result = den.here("chat", "--batch", write(den, lines))
    assert result.code == 9
    assert "the note" in asked(server.chats[0])
    assert "gone.txt: No such file" in result.documents[1]["error"]["message"]


def always_failing(status: int) -> Callable[[int, Request], Behaviour]:
    """Answer everything with a status."""
    return lambda _number, _request: faults.status(status)


def test_when_all_fail_the_code_is_what_they_share(den: Home, server: FakeServer) -> None:
    """All refused for their key: 5; all failed otherwise: 7."""
    server.behave(always_failing(400))
    assert den.here("chat", "--batch", write(den, numbered(3)), "--max-wait", "0").code == 7
    assert den.here("chat", "--batch", write(den, ["a", "b"])).code == 2


def test_an_outage_ends_the_run_early(den: Home, server: FakeServer) -> None:
    """After 25 lines in a row that failed alike the rest is not tried: the same command asks it later."""
    server.behave(always_failing(503))
    den.write_config("[routing]\nmax_retries = 0", provider("den", server.url), model("den/m"))
    source = write(den, numbered(80))
    result = batch(den, source, "--jobs", "4")
    assert result.code == 7, result
    assert 25 <= len(server.chats) < 40
    assert "go on: same command" in result.err
    assert not (den.cwd / "answers.jsonl").exists()
    server.behave(echo)
    den.here("providers", "clear", "--all")
    assert batch(den, source).code == 0
    assert [each["line"] for each in answers(den)] == list(range(1, 81))
