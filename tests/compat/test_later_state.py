"""State that a later llmpool wrote: this one refuses what it would have to guess, and changes nothing."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from tests.compat.test_versions import KEYS, OF_VERSION_1, plant
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider

READING = (
    ("route", "--json", "hello"),
    ("models", "list", "--json"),
    ("models", "ps", "--json"),
    ("providers", "list", "--json"),
    ("providers", "limits", "--json"),
    ("providers", "keys", "list", "--json"),
    ("usage", "--json"),
    ("usage", "prices", "list", "--json"),
    ("policy", "show", "--json"),
    ("policy", "budget", "list", "--json"),
    ("chat", "hello"),
    ("refresh", "--json"),
)
CHANGING = (
    ("policy", "set", "den", "--state", "flagged"),
    ("policy", "clear", "den"),
    ("usage", "prices", "set", "den/small", "--input", "1", "--output", "2"),
    ("providers", "clear", "--all"),
    ("usage", "prune", "--yes"),
)
DOCUMENTS = ("registry.json", "routing.json", "costs.json")
ALL = (*(name for name in OF_VERSION_1 if name != KEYS), *DOCUMENTS)


def prepared(home: Home, server: FakeServer) -> None:
    """Give a home with one provider that answers, and limits of its own, so that every file is looked at."""
    home.env["DEN_KEY"] = PLANTED_KEY
    home.write_config(
        provider("den", server.url, rate_limit={"rpm": 60}, keys=[{"label": "a", "env": "DEN_KEY"}]),
        model("den/small", quality=5),
        '[budgets.daily]\nlimit = "5"\nper = "day"\n',
    )


def contents(state: Path) -> dict[str, bytes]:
    """Read all state but locks."""
    files = (path for path in state.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(state)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_no_command_touches_a_file_of_a_later_version(home: Home, server: FakeServer, name: str) -> None:
    """Whoever needs it ends with 10 and says so; whoever does not goes on; the file stays, byte by byte."""
    prepared(home, server)
    path = plant(home.state, name, 2, {"strange": [1]})
    before, refused = path.read_bytes(), []
    for line in (*READING, *CHANGING):
        done = home.here(*line)
        if done.code == 10:
            refused.append(line)
            assert f"{path.name} is of version 2" in done.err, done
            assert "upgrade llmpool" in done.err, done
        else:
            assert done.code in (0, 3), done  # 3: nothing to clear
        assert path.read_bytes() == before, line
    assert not list(path.parent.glob("*.corrupt-*"))
    assert refused or name in UNREAD, "somebody reads it"


UNREAD = {
    "accounts.json",
    "account-quotas.json",
    "downloads.json",
    "history.json",
    "tokens.json",
    "trial.json",
}
"""What none of those commands needs here, where nobody is logged in and nothing is pulled."""


@pytest.mark.parametrize("name", ["policy.json", "inventory.json", "prices.json"])
def test_no_decision_is_made_on_what_cannot_be_read(home: Home, server: FakeServer, name: str) -> None:
    """`route` and `chat` ask nobody where policies, what was observed or prices are of a later version."""
    prepared(home, server)
    plant(home.state, name, 2, {})
    before = contents(home.state)
    for line in (("route", "--json", "hello"), ("chat", "--json", "hello")):
        done = home.here(*line)
        assert (done.code, done.out, done.error["exit"]) == (10, "", 10), done
        assert f"{name} is of version 2" in done.error["message"]
    assert server.requests == []
    assert contents(home.state) == before


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_compiled_by_a_later_version_is_left_to_it(home: Home, server: FakeServer, name: str) -> None:
    """A compiled document of a later version is not written over: who reads it ends with 10, others go on."""
    prepared(home, server)
    path = plant(home.state, name, 2, {})
    before = path.read_bytes()
    done = home.here("route", "--json", "hello")
    assert done.code == (10 if name == "routing.json" else 0)
    assert f"{name} is of version 2" in done.err
    assert path.read_bytes() == before


def test_a_config_of_a_later_version_is_refused_untouched(home: Home, server: FakeServer) -> None:
    """A key that only a later llmpool knows ends every command with 4, and no command edits the file."""
    prepared(home, server)
    home.config.write_text("hive_mind = true\n" + home.config.read_text(encoding="utf-8"), encoding="utf-8")
    before = home.config.read_bytes()
    for line in (
        ("route", "hi"),
        ("chat", "hi"),
        ("models", "set", "den/small", "--quality", "6"),
        ("refresh",),
    ):
        done = home.here(*line)
        assert done.code == 4, done
        assert "hive_mind" in done.err, done
    assert home.config.read_bytes() == before
    assert server.requests == []


def test_fields_that_a_later_llmpool_adds_to_a_record_stay(home: Home, server: FakeServer) -> None:
    """Lines of usage and sessions are kept as they are: a field this version knows nothing of is not lost."""
    prepared(home, server)
    assert home.here("chat", "--session", "talk", "hello").code == 0
    (usage,) = (home.state / "usage").glob("*.jsonl")
    record = json.loads(usage.read_bytes()) | {"carbon_grams": 5}
    usage.write_text(json.dumps(record) + "\n", encoding="utf-8")
    talk = home.state / "sessions/talk.jsonl"
    talk.write_text(
        talk.read_text(encoding="utf-8").replace('"role"', '"mood":"fine","role"'), encoding="utf-8"
    )
    assert home.here("chat", "--session", "talk", "again").code == 0
    assert home.here("usage", "prices", "set", "den/small", "--input", "1", "--output", "2").code == 0
    assert home.here("usage", "reprice", "--yes", "--all").code in (0, 2)
    assert home.here("usage", "--json").json["total"]["requests"] == 2
    assert '"carbon_grams"' in usage.read_text(encoding="utf-8")
    assert talk.read_text(encoding="utf-8").count('"mood":"fine"') == 2


def test_a_pruned_day_of_a_later_layout_is_refused_untouched(home: Home, server: FakeServer) -> None:
    """What is left of a pruned day is money: no summary does without it, and no prune sets it aside."""
    prepared(home, server)
    day = "2026-01-05"
    record = {"id": "usage_0123456789abcdef", "at": f"{day}T10:00:00Z", "provider": "den", "model": "small"}
    lines = home.state / f"usage/{day}.jsonl"
    lines.parent.mkdir(parents=True)
    line = json.dumps(record | {"deployment": "den/small", "success": True, "cost": "1"}) + "\n"
    lines.write_text(line, encoding="utf-8")
    assert home.here("usage", "prune", "--yes").code == 0
    (kept,) = (home.state / "usage/rollup").glob("*.kept")
    _, head, rest = kept.read_bytes().split(b"\n", 2)
    body = json.dumps(json.loads(head) | {"layout": 99}).encode() + b"\n" + rest
    kept.write_bytes(b'{"crc":%d}\n' % zlib.crc32(body) + body)
    before = kept.read_bytes()
    lines.write_text(line.replace("0123", "4567"), encoding="utf-8")
    for words in (("usage", "--since", "all"), ("usage", "prune", "--yes")):
        done = home.here(*words)
        assert (done.code, f"{kept.name} is of version 99" in done.err) == (10, True), done
    assert kept.read_bytes() == before
    assert lines.exists()
