"""What `chat` says of options that do not fit, and of files that are not there."""

from __future__ import annotations

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, provider


@pytest.fixture
def den(home: Home) -> Home:
    """Give a home with a provider that nobody answers for."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"))
    return home


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("--max-tokens 0", "--max-tokens: 0 is out of range; at least 1", "llmpool chat -h"),
        ("--max-tokens many", "--max-tokens: 'many' is no whole number", "llmpool chat -h"),
        ("--batch - -a -", "- is stdin, which is read once", "name files for the others"),
        ("-a - --schema -", "- is stdin, which is read once", "name files for the others"),
        ("--temperature 3", "--temperature: 3 is out of range; at least 0 and at most 2", "llmpool chat -h"),
        ("--min-quality 11", "--min-quality (LLMPOOL_MIN_QUALITY): 11 is out of range;", "llmpool chat -h"),
        ("--schema nofile", "nofile: No such file or directory", "--schema takes a file of JSON, or -"),
        ("--tools nofile", "nofile: No such file or directory", "--tools takes a file of JSON, or -"),
        ("--attach=", "--attach is given, and has no value", "leave it out"),
        (
            "--list",
            "--list asks nothing, so the prompt is one too many",
            "llmpool chat --session NAME PROMPT",
        ),
        ("--list --show x", "--list and --show do not go together", "one at a time"),
    ],
)
def test_what_does_not_fit_is_named_with_the_way_out(den: Home, line: str, message: str, hint: str) -> None:
    """A usage error in the words of who typed it, and nothing is sent."""
    result = den.here("chat", *line.split(), "hi")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert hint in result.err


def test_a_schema_that_is_no_text_is_not_told_to_be_a_picture(den: Home) -> None:
    """What may be attached is no help for what a schema has to be."""
    file = den.cwd / "schema.json"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    result = den.here("chat", "--schema", str(file), "hi")
    assert (result.code, result.out) == (2, "")
    assert f"--schema {file} is no text (UTF-8)" in result.err
    assert "picture" not in result.err


def test_a_key_is_asked_for_where_none_was_sent(home: Home) -> None:
    """A server that wants a key, at a provider that has none, is no matter of replacing one."""
    with FakeServer(["m"], behave=faults.always(faults.status(401))) as server:
        home.write_config(provider("den", server.url))
        result = home.here("chat", "-m", "den/m", "--force", "hi")
    assert result.code == 5
    assert "give it one: llmpool providers keys add den" in result.err


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_answer_is_one_line_with_jsonl(home: Home, options: tuple[str, ...]) -> None:
    """An answer has lists, but it is not one of them."""
    with FakeServer(["m"]) as server:
        home.write_config(provider("den", server.url))
        assert home.here("refresh").code == 0
        whole = home.here("chat", *options, "hi", "--json").json
        result = home.here("chat", *options, "hi", "--jsonl")
    (line,) = result.documents
    assert whole.keys() == line.keys()


def test_a_batch_unwraps_what_fits_a_schema_as_a_single_answer_does(home: Home) -> None:
    """The fence that a model puts around its JSON is not part of the answer."""
    schema = home.cwd / "schema.json"
    schema.write_text('{"type": "object", "required": ["name"]}')
    prompts = home.cwd / "prompts.jsonl"
    prompts.write_text('{"prompt": "a name"}\n')
    with FakeServer(["m"], text='```json\n{"name": "x"}\n```') as server:
        home.write_config(provider("den", server.url))
        assert home.here("refresh").code == 0
        single = home.here("chat", "--schema", str(schema), "--json", "a name").json
        (line,) = home.here("chat", "--batch", str(prompts), "--schema", str(schema)).documents
    assert '{"name": "x"}' == line["text"] == single["text"]
