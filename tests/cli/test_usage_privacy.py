"""What was asked, what was answered, and keys never leave with the usage: exports have figures and names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider

PROMPT = "planted-prompt-7Q2"
SYSTEM = "planted-system-7Q2"
ANSWER = "planted-answer-7Q2"
SECRETS = (PROMPT, SYSTEM, ANSWER, PLANTED_KEY, PLANTED_KEY[-12:])
FORMS = ("jsonl", "csv", "otlp")


@pytest.fixture
def used(home: Home) -> Home:
    """Give a home where secrets went every way a request can go: good, refused, failed, in a session."""
    keys = [{"label": "mine", "env": "K"}]
    with FakeServer(key=PLANTED_KEY, text=ANSWER) as server:
        home.write_config(provider("sky", server.url, location="cloud", keys=keys), model("sky/m"))
        home.env["K"] = PLANTED_KEY
        ask = ("chat", "-m", "sky/m", "--max-wait", "0", "-s", SYSTEM)
        assert ANSWER in home.here(*ask, PROMPT).out
        assert home.here(*ask, "--session", "trip", "--tag", "t", PROMPT).code == 0
        echo = {"error": {"message": f"Incorrect key {PLANTED_KEY} for: {PROMPT} {SYSTEM}"}}
        for status in (400, 401, 500):
            server.behave(faults.always(faults.status(status, body=echo)))
            assert home.here("providers", "clear", "--all").code == 0
            assert home.here(*ask, PROMPT).code != 0
    return home


def test_no_export_has_a_prompt_an_answer_or_a_key(used: Home) -> None:
    """In no form, on stdout and in files, of requests that went well or wrong; the requests are all there."""
    for form in FORMS:
        shown = used.here("usage", "export", "--format", form)
        assert used.here("usage", "export", "--format", form, "-o", f"out.{form}").code == 0
        written = (used.cwd / f"out.{form}").read_text()
        assert shown.out == written
        assert written.count("sky/m") >= 5
        assert "mine" in written  # the key's label, which is what people tell keys apart by
        for secret in SECRETS:
            assert not shown.shows(secret)


def test_what_somebody_else_wrote_into_the_log_does_not_leave(used: Home) -> None:
    """A line with a prompt or a key in a field that no record has is exported without it."""
    (path,) = (used.state / "usage").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line |= {"prompt": PROMPT, "api_key": PLANTED_KEY, "messages": [{"content": SYSTEM}], "text": ANSWER}
        line |= {
            "latency_ms": PLANTED_KEY,
            "success": PROMPT,
            "cost": PLANTED_KEY,
        }  # nor where a figure belongs
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for form in FORMS:
        shown = used.here("usage", "export", "--format", form)
        assert shown.code == 0
        assert shown.out.count("sky/m") >= 5
        for secret in SECRETS:
            assert not shown.shows(secret)


def test_an_import_leaves_foreign_secrets_out(home: Home, tmp_path: Path) -> None:
    """Neither a record of ours nor one of ZimaOS brings a prompt along, or a key in the place of its id."""
    ours = {"id": "u1", "at": "2026-03-09T00:00:00Z", "provider": "sky", "model": "m", "success": True}
    theirs = {
        "id": "u2",
        "provider_id": "sky",
        "model_id": "m",
        "timestamp": "2026-03-09T00:00:01Z",
        "api_key_id": PLANTED_KEY,
        "input_tokens": 1,
        "output_tokens": 1,
        "success": True,
    }
    extra = {"prompt": PROMPT, "system": SYSTEM, "answer": ANSWER, "secret": PLANTED_KEY, "user_id": PROMPT}
    file = tmp_path / "planted.jsonl"
    file.write_text("".join(json.dumps(line | extra) + "\n" for line in (ours, theirs)))
    assert home.here("usage", "import", str(file)).code == 0
    for secret in SECRETS[:-1]:
        assert home.files_with(secret) == []
    for form in FORMS:
        shown = home.here("usage", "export", "--format", form)
        assert shown.out.count("sky/m") == 2
        assert not any(shown.shows(secret) for secret in SECRETS)


def test_a_broken_line_is_named_but_not_repeated(home: Home) -> None:
    """What is wrong with it is told in words of our own: the line may be a prompt."""
    (home.cwd / "notes.jsonl").write_text(f'{{"prompt": "{PROMPT}"}}\n"{PLANTED_KEY}"\n{ANSWER}\n')
    for arguments in ((), ("--json",)):
        told = home.here("usage", "import", "notes.jsonl", *arguments)
        assert told.code == 2
        assert "notes.jsonl, line 1: neither" in told.err
        assert not any(told.shows(secret) for secret in SECRETS)
