"""Valid JSON that others wrote into the state directory: told, set aside or counted, never a bug."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

COMMANDS = (("route", "x"), ("chat", "hi"), ("models", "list", "--json"), ("providers", "list"), ("refresh",))
OBSERVED = [
    ("inventory.json", {"providers": []}),
    ("inventory.json", {"providers": {"den": {"models": [{"nme": 1}]}}}),
    ("health.json", {"experience": {"a": [1, 2, 3, 4, 5, 6]}}),
    ("health.json", {"cooldowns": {"provider:den": {}}}),
]


@pytest.fixture
def den(home: Home, server: FakeServer) -> Home:
    """Give a home that knows one model and has asked it once."""
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("refresh").code == 0
    assert home.here("chat", "hi").code == 0
    return home


def plant(home: Home, name: str, data: Any) -> None:
    envelope = {"version": 1, "written_at": "2026-11-21T03:44:00Z", "data": data}
    (home.state / name).write_text(json.dumps(envelope))


@pytest.mark.parametrize(("name", "data"), OBSERVED, ids=str)
def test_foreign_observations(den: Home, name: str, data: Any) -> None:
    """Foreign observations are set aside with a warning, and each command does its work."""
    for command in COMMANDS:
        plant(den, name, data)
        result = den.here(*command)
        assert result.code == 0, result
        (kept,) = den.state.glob(f"{name}.corrupt-*")
        assert kept.name in result.err
        assert json.loads(kept.read_text())["data"] == data
        kept.unlink()


@pytest.mark.parametrize("entry", [{"stat": "x"}, {"state": 5, "routable": None}], ids=str)
def test_foreign_decisions_of_the_owner(den: Home, entry: dict[str, Any]) -> None:
    """A foreign policy is set aside and ends the run with 10; so does the next run."""
    plant(den, "policy.json", {"policies": {"den": entry}})
    for command in (("route", "x"), ("refresh",), ("policy", "show")):
        assert den.here(*command).code == 10
    assert len(list(den.state.glob("policy.json.corrupt-*"))) == 1


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("routing.json", {"rows": [["x"]]}),
        ("routing.json", {"providers": [1]}),
        ("routing.json", {"generation": "x", "routing": []}),
        ("registry.json", {"models": [1]}),
        ("registry.json", {"models": {}}),
    ],
    ids=str,
)
def test_foreign_compiled_files(den: Home, name: str, changes: dict[str, Any]) -> None:
    """A compiled file that others changed is compiled anew, even with the right stamps."""
    readers = {
        "registry.json": (("models", "list", "--json"), ("models",)),
        "routing.json": (("route", "x"), ("providers", "list", "--json")),
    }
    for command in readers[name]:
        before = den.here(*command)
        whole = json.loads((den.state / name).read_text())["data"]
        plant(den, name, whole | changes)
        after = den.here(*command)
        assert (before.code, after.code, before.out) == (0, 0, after.out)


def test_foreign_lines_of_the_logs(den: Home) -> None:
    """Lines that are no records are counted, and figures that are none are unknown."""
    for kind in ("usage", "decisions"):
        (path,) = (den.state / kind).glob("*.jsonl")
        line = json.loads(path.read_text().splitlines()[-1])
        foreign = ({"a": 1}, {"at": line["at"]}, line | {"at": 5}, line | {"id": ["x"]})
        with path.open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in foreign)
            if kind == "usage":
                odd = dict.fromkeys(("input_tokens", "latency_ms", "cost"), "many")
                file.write(json.dumps(line | odd) + "\n")
            else:
                file.write(json.dumps(line | {"outcome": []}) + "\n")
                file.write(json.dumps({k: v for k, v in line.items() if k != "candidates"}) + "\n")
    usage = den.here("usage", "--json").json
    assert (usage["bad_lines"], usage["total"]["requests"], usage["total"]["unpriced"]) == (4, 2, 1)
    assert len(den.here("usage", "list", "--json").json["records"]) == 2
    decisions = den.here("usage", "decisions", "--json").json
    assert (decisions["bad_lines"], len(decisions["decisions"])) == (6, 1)
    for command in (("usage",), ("usage", "list"), ("usage", "decisions"), ("route", "--last")):
        assert den.here(*command).code == 0


def test_foreign_lines_of_a_session(den: Home) -> None:
    """A line in a session in which nobody says anything is passed over."""
    folder = den.state / "sessions"
    folder.mkdir()
    lines = ({"a": 1}, {"role": "user", "text": "hi"}, {"role": [], "text": 5, "at": "soon"})
    (folder / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert den.here("chat", "--list").code == 0
    assert den.here("chat", "--show", "s").out == "user: hi\n"
    assert den.here("chat", "--session", "s", "-c", "ho").code == 0


def test_a_day_the_calendar_does_not_have(den: Home) -> None:
    """A record of the 30th of February is a bad line, wherever it is grouped or shown."""
    path = den.state / "usage" / f"{time.strftime('%Y')}-02-30.jsonl"
    path.write_text(json.dumps({"id": "u", "at": f"{path.stem}T00:00:00Z"}) + "\n")
    for command in (("usage", "list"), ("usage", "--by", "day", "--since", "400d")):
        assert den.here(*command).code == 0
