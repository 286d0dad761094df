"""What probes cost is recorded as what chat costs is: one usage line a question, all of a run together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Message
from llmpool.core.outcome import TokenUsage
from llmpool.discovery.probe import HI, Interrupted, probe
from llmpool.discovery.probe_plan import choose
from llmpool.discovery.short_call import Said
from llmpool.discovery.spent import Spent
from llmpool.pool import Pool
from llmpool.state import ledger
from llmpool.usage.cost import counted as count
from tests.edges.test_probe import open_pool
from tests.fakes import faults
from tests.fakes.answers import error
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider


def lines_of(pool: Pool) -> list[dict[str, Any]]:
    """Read what is kept, by model."""
    return sorted(ledger.Reading(pool.paths.state, ledger.USAGE), key=lambda line: str(line["model"]))


def test_a_line_is_as_of_chat(tmp_path: Path, server: FakeServer) -> None:
    """A call that is answered has the server's count; the key goes by its label, the price is not known."""
    server.behave(faults.always(faults.ok()))
    pool = open_pool(
        tmp_path, provider("a", server.url, location="cloud", key={"env": "K"}), model("a/m"), K="secret"
    )
    probe(pool, choose(pool))
    (line,) = lines_of(pool)
    assert line.pop("id").startswith("usage_")
    assert line.pop("latency_ms") >= 0
    label = line.pop("key")
    assert label
    assert "secret" not in label
    assert line == {
        "at": "2026-09-21T14:13:20.000Z",
        "provider": "a",
        "model": "m",
        "deployment": "a/m",
        "success": True,
        "input_tokens": 7,
        "output_tokens": 2,
        "request_count": 1,
        "decision_id": "",
        "tag": "probe",
        "cost": None,
    }


def test_a_local_model_costs_nothing(tmp_path: Path, server: FakeServer) -> None:
    """On a server of one's own the cost is known to be 0; without a key none is named."""
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    probe(pool, choose(pool))
    (line,) = lines_of(pool)
    assert (line["cost"], line["price_source"]) == ("0", "local")
    assert "key" not in line


def test_a_failure_that_a_server_spoke_counts(tmp_path: Path, server: FakeServer) -> None:
    """An error with a status is a failed call; who never answered was never asked."""
    answers: dict[str, Behaviour] = {
        "m1": faults.status(404, body=error("model not configured")),
        "m2": faults.status(429),
        "m3": faults.empty(),
        "m4": faults.hang(),
    }
    server.behave(lambda _number, request: answers.get(request.json["model"]))
    away = f"http://127.0.0.1:{closed_port()}/v1"
    tables = [provider("a", server.url), provider("b", away), model("b/m9")]
    pool = open_pool(tmp_path, *tables, *(model(f"a/m{n}") for n in range(5)))
    probe(pool, choose(pool), timeout=0.5)
    assert [(line["model"], line["success"], line.get("error")) for line in lines_of(pool)] == [
        ("m0", True, None),
        ("m1", False, "model_not_found"),
        ("m2", False, "rate_limit"),
        ("m3", False, "empty"),
    ]


def test_a_question_counts_once(tmp_path: Path, server: FakeServer) -> None:
    """Parameters that are refused, up to four of them, make more calls and no more lines."""
    names = ("stream_options", "temperature", "top_p", "stop")

    def picky(_number: int, request: Request) -> Behaviour | None:
        found = [name for name in names if name in request.json]
        return faults.refuse(found[0]) if found else None

    server.behave(picky)
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    said, spent = asked(pool, FOUR)
    assert said.failure is None
    assert len(server.chats) == 5
    assert len(spent.lines) == 1
    assert set(pool.memories.refused("a/m", pool.clock())) == set(names)


def test_a_fifth_refusal_counts(tmp_path: Path, server: FakeServer) -> None:
    """A server that refuses more than four parameters is left with its refusal."""
    names = ("stream_options", "temperature", "top_p", "stop", "tool_choice")
    server.behave(faults.refusing(*names))
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    tool = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    said, _spent = asked(pool, FOUR.replace(tools=(tool,), tool_choice="auto"))
    assert said.status == 400
    assert len(server.chats) == 5


FOUR = ChatRequest(
    messages=(Message(role="user", text="hi"),), max_tokens=50, temperature=0.5, top_p=0.5, stop=("x",)
)


def asked(pool: Pool, request: ChatRequest) -> tuple[Said, Spent]:
    """Ask the model `a/m` once."""
    from llmpool.credentials import Credential
    from llmpool.discovery.short_call import Asker
    from llmpool.net.client import Client

    spent = Spent(pool)
    with Client() as client:
        asker = Asker(pool, client, pool.provider("a"), 5.0, spent)
        return asker.ask("m", Credential("none", ""), request), spent


def test_an_interrupt_records_what_was_spent(tmp_path: Path, server: FakeServer) -> None:
    """Ctrl-C loses no line of what was answered, and adds none for calls it broke off itself."""
    server.behave(lambda number, _request: faults.slow(first=60) if number > 3 else None)
    pool = open_pool(tmp_path, provider("a", server.url), *(model(f"a/m{n}") for n in range(9)))

    def interrupted(done: int, _total: int, _name: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        probe(pool, choose(pool), jobs=1, progress=interrupted)
    assert (caught.value.kept, caught.value.models) == (3, 9)
    assert [line["model"] for line in lines_of(pool)] == ["m0", "m1", "m2"]


def test_what_cannot_be_recorded_is_told(tmp_path: Path, server: FakeServer) -> None:
    """A usage directory that takes no lines costs no verdict; the run tells at its end."""
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    pool.paths.state.mkdir(parents=True, exist_ok=True)
    (pool.paths.state / "usage").write_text("in the way")
    assert probe(pool, choose(pool)).found[0].probe.available is True
    assert pool.owed is not None
    assert str(pool.owed.settled()).startswith("usage not recorded: ")


def test_who_counts_nothing_is_estimated() -> None:
    """Four bytes to a token, marked as such, thinking included; nothing at all for a failure in silence."""
    counted = TokenUsage(input=3, output=1)
    assert count(counted, HI, "hello", success=True) == counted
    told = count(None, HI, "hellohm, well", success=True)
    assert told == TokenUsage(input=1, output=4, estimated=True)
    assert count(None, HI, "", success=False) == TokenUsage()
    assert count(None, HI, "hell", success=False).output == 1
