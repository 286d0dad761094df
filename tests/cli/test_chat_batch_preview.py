"""What a batch would ask of whom, and for how much, before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.chat.question import Question
from llmpool.cli import asking, batch_chat, options
from llmpool.cli.context import Globals, Terminal
from llmpool.cli.options import RoutingOptions
from tests.cli.test_budgets import KEPT
from tests.cli.test_chat_batch import batch, echo, numbered, write
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

ROUTING = RoutingOptions(**{each.name: each.default for each in options._ROUTING})


@pytest.fixture
def shop(home: Home, server: FakeServer) -> Home:
    """Give a home with one dear deployment in the cloud."""
    home.write_config(provider("work", server.url, location="cloud"), model("work/m"))
    home.state.mkdir()
    (home.state / "prices.json").write_text(KEPT)
    server.behave(echo)
    return home


def preview(home: Home, source: str, *, as_json: bool, output: str = "") -> int:
    """Preview a batch in this process."""
    terminal = Terminal(Globals(config=str(home.config), state=str(home.state)))
    question = Question(max_tokens=100)
    return batch_chat.run(
        *(terminal, source, question, ROUTING, asking.How()),
        jobs=4,
        output=output,
        dry_run=True,
        as_json=as_json,
    )


def test_a_preview_says_who_is_asked_and_what_it_may_cost(
    shop: Home, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prompts, tokens and the worst cost by deployment; lines that cannot be asked; nothing is sent."""
    source = write(shop, [*numbered(3), "nonsense", {"prompt": "x", "model": "work/nosuch"}])
    assert preview(shop, source, as_json=True) == 9
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["prompts"], told["answered"], told["dry_run"]) == (5, 0, True)
    (share,) = [each for each in told["deployments"] if each["deployment"] == "work/m"]
    assert (share["prompts"], share["input_tokens"]) == (3, 9)
    assert (share["cost_of_prompts"], share["cost_at_most"]) == ("0", "0.3")
    assert 4 in [each["line"] for each in told["faults"]]
    assert preview(shop, source, as_json=False) == 9
    shown = capsys.readouterr().out
    assert "5 prompts; nothing is sent" in shown
    assert "work/m   3 prompts, about 9 tokens in, $0.00 and its answers, $0.30 at most" in shown
    assert "line 4: not JSON" in shown
    assert server.requests == []


def test_a_preview_leaves_out_what_is_answered(
    shop: Home, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what the next run would ask counts, and neither file nor journal is touched."""
    assert batch(shop, write(shop, numbered(2)), "--max-tokens", "100").code == 0
    source = write(shop, numbered(5))
    answers = shop.cwd / "answers.jsonl"
    before = answers.read_bytes()
    assert preview(shop, source, as_json=False, output=str(answers)) == 0
    shown = capsys.readouterr().out
    assert "5 prompts, 2 of them answered already; nothing is sent" in shown
    assert "work/m   3 prompts" in shown
    assert answers.read_bytes() == before
    assert sorted(path.name for path in shop.cwd.iterdir()) == ["answers.jsonl", "prompts.jsonl"]
    assert len(server.chats) == 2


def test_a_file_of_no_possible_name_is_the_fault_of_its_line(shop: Home, server: FakeServer) -> None:
    """A NUL or half a character in a name is told of that line, in a preview as in the run."""
    odd = [one | {"attach": name} for one, name in zip(numbered(2), ("a\0b", "\ud800"), strict=True)]
    lines = "\n".join(map(json.dumps, [*odd, {"prompt": "hi"}]))
    looked = shop.here("chat", "--batch", "-", "--dry-run", "--json", stdin=lines)
    assert looked.code == 9
    assert [fault["error"]["exit"] for fault in looked.json["faults"]] == [2, 2]
    done = shop.here("chat", "--batch", "-", stdin=lines)
    assert [each.get("error", {}).get("exit") for each in done.documents] == [2, 2, None]
