"""Health, inventory and policy on disk: their own files come back, foreign ones are told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, Probe, ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.routing import Experience
from llmpool.errors import StateUnusable
from llmpool.state import health, inventory, jsonfile, policy, shape

AT = "2026-11-21T03:44:00Z"
SEEN = {"provider": "den", "attempted_at": AT}
HEALTH = [
    [],
    {"experience": []},
    {"experience": {"a": [1, 2, 3]}},
    {"experience": {"a": [1, 2, 3, 4, 5, 6]}},
    {"experience": {"a": [1, 2, 3, "4"]}},
    {"experience": {"a": [1, 2, 3, True]}},
    {"experience": {"a": [1, 2, 3, -4]}},
    {"experience": {"a": [1, 2, 3, 1 << 70]}},
    {"experience": {"a": "1234"}},
    {"experience": {"a": 7}},
    {"cooldowns": {"provider:den": {}}},
    {"cooldowns": {"provider:den": {"until": "x", "seconds": 1, "reason": "r"}}},
    {"cooldowns": {"provider:den": {"until": 1e300, "seconds": 1e300, "reason": "r"}}},
    {"cooldowns": {"provider:den": {"until": 1, "seconds": 1, "reason": ["r"]}}},
    {"contact": {"den": {"at": None, "kind": "connect", "message": ""}}},
    {"contact": {"den": {"kind": "connect"}}},
    {"contact": {"den": []}},
    {"latency": {"den": "1"}},
    {"latency": {"den": 1e999}},
    {"latency": {"den": True}},
    {"cursors": {"den": 1.5}},
    {"cursors": None},
]
INVENTORIES = [
    7,
    {"providers": []},
    {"providers": {"den": []}},
    {"providers": {"den": {}}},
    {"providers": {"den": {"models": [{"nme": 1}]}}},
    {"providers": {"den": SEEN | {"models": [{"nme": 1}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": 1}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "context_window": "8k"}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "context_window": -1}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "capabilities": {"tools": "yes"}}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "capabilities": []}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "families": "llama"}]}}},
    {"providers": {"den": SEEN | {"models": {}}}},
    {"providers": {"den": SEEN | {"fetched_at": "yesterday"}}},
    {"providers": {"den": SEEN | {"stale_since": 5}}},
    {"providers": {"den": SEEN | {"error": None}}},
    {"providers": {"den": SEEN | {"probes": {}}}},
    {"providers": {"den": SEEN | {"probes": [{"model": "m"}]}}},
    {"providers": {"den": SEEN | {"probes": [{"model": "m", "at": "soon"}]}}},
    {"providers": {"den": SEEN | {"probes": [{"model": "m", "at": AT, "available": "no"}]}}},
    {"providers": {"den": SEEN | {"probes": [{"model": "m", "at": AT, "status": -1}]}}},
    {"providers": {"den": SEEN | {"models": [{"name": "m", "input_price": 1}]}}},
]
POLICIES = [
    [],
    {"policies": []},
    {"policies": {"den": []}},
    {"policies": {"den": {"stat": "x"}}},
    {"policies": {"den": {"state": "inactive"}}},
    {"policies": {"den": {"state": "x", "routable": None}}},
    {"policies": {"den": {"state": ["inactive"], "routable": None}}},
    {"policies": {"den": {"state": None, "routable": "no"}}},
    {"policies": {"den": {"state": None, "routable": 0}}},
    {"policies": {"den": {"state": None, "routable": None, "reason": 1}}},
    {"policies": {"den": {"state": None, "routable": None, "updated_at": "soon"}}},
]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings of one test."""
    seen: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [seen.append])
    return seen


def plant(state: Path, name: str, data: Any) -> None:
    """Write foreign data; a figure beyond what a float holds cannot be encoded as others are."""
    state.mkdir(exist_ok=True)
    text = str(data).replace("'", '"').replace("None", "null").replace("True", "true").replace("inf", "1e999")
    (state / name).write_text('{"version":1,"written_at":"","data":' + text + "}")


@pytest.mark.parametrize("data", HEALTH, ids=str)
def test_foreign_health_is_set_aside(tmp_path: Path, warnings: list[str], data: Any) -> None:
    """Health of other fields or types costs a warning, and the pool is as healthy as a new one."""
    plant(tmp_path, health.NAME, data)
    assert health.read(tmp_path).as_data() == health.Health(None).as_data()
    assert len(warnings) == len(list(tmp_path.glob("health.json.corrupt-*"))) == 1
    plant(tmp_path, health.NAME, data)
    health.update(tmp_path, lambda state: state.cursors.update(den=1))
    assert health.read(tmp_path).cursors == {"den": 1}


@pytest.mark.parametrize("data", INVENTORIES, ids=str)
def test_a_foreign_inventory_is_set_aside(tmp_path: Path, warnings: list[str], data: Any) -> None:
    """An inventory of other fields or types costs a warning, and the next refresh makes a new one."""
    plant(tmp_path, inventory.NAME, data)
    assert inventory.read(tmp_path) == Inventory(providers={})
    assert len(warnings) == len(list(tmp_path.glob("inventory.json.corrupt-*"))) == 1
    plant(tmp_path, inventory.NAME, data)
    entry = ProviderInventory(provider="den", attempted_at=AT)
    assert inventory.update(tmp_path, [entry]) == Inventory(providers={"den": entry})


@pytest.mark.parametrize("data", POLICIES, ids=str)
@pytest.mark.parametrize(
    "act",
    [
        policy.read,
        lambda state: policy.update(state, lambda known: known | {"den": Policy(state="active")}),
        lambda state: policy.update(state, lambda _: {}),
    ],
    ids=["read", "set", "clear"],
)
def test_a_foreign_policy_ends_the_run(tmp_path: Path, act: Callable[[Path], Any], data: Any) -> None:
    """Nobody guesses what the owner decided: the file is set aside and this run and the next end (10)."""
    plant(tmp_path, policy.NAME, data)
    for _ in range(2):
        with pytest.raises(StateUnusable):
            act(tmp_path)
    assert len(list(tmp_path.glob("policy.json.corrupt-*"))) == 1
    assert not (tmp_path / policy.NAME).exists()


def test_unknown_fields_are_no_fault(tmp_path: Path, warnings: list[str]) -> None:
    """A field that a later version adds is passed over."""
    model = {"name": "m", "colour": "red", "capabilities": {"tools": True, "smell": 1}}
    plant(tmp_path, inventory.NAME, {"providers": {"den": SEEN | {"models": [model], "mood": []}}, "x": 1})
    plant(tmp_path, policy.NAME, {"policies": {"den": {"state": "flagged", "routable": None, "by": "me"}}})
    plant(tmp_path, health.NAME, {"latency": {"den": 1.5}, "mood": "fine"})
    seen = inventory.read(tmp_path).providers["den"]
    assert seen.models == (ObservedModel(name="m", capabilities=Capabilities(tools=True)),)
    assert policy.read(tmp_path) == {"den": Policy(state="flagged")}
    assert health.read(tmp_path).latency == {"den": 1.5}
    assert not warnings


def test_what_was_written_comes_back(tmp_path: Path, warnings: list[str]) -> None:
    """Everything the program itself keeps passes its own rules."""
    able = Capabilities(chat=True, tools=False)
    model = ObservedModel(
        name="m", families=("a", "b"), capabilities=able, input_price="0.25", output_price="2"
    )
    probe = Probe(
        model="m", at=AT, available=False, status=404, error="gone", latency_ms=9, capabilities=able
    )
    entry = ProviderInventory(
        provider="den",
        attempted_at=AT,
        fetched_at=AT,
        models=(model,),
        stale_since=AT,
        latency_ms=3,
        probes=(probe,),
    )
    assert inventory.update(tmp_path, [entry]).providers == {"den": entry}
    assert inventory.read(tmp_path).providers == {"den": entry}
    decided = Policy(state="inactive", routable=False, reason="r", updated_at=AT)
    policy.update(tmp_path, lambda _: {"den": decided})
    assert policy.read(tmp_path) == {"den": decided}

    def learn(state: health.Health) -> None:
        state.cooldowns["provider:den"] = {"until": 1.5, "seconds": 60, "reason": "server"}
        state.contact["den"] = {"at": 1.5, "kind": "connect", "message": "refused"}
        state.experience["den/m"] = Experience(1, 2, 3, 4)
        state.latency["den"] = 1.5
        state.cursors["den"] = 7

    health.update(tmp_path, learn)
    known = health.read(tmp_path)
    assert known.experience == {"den/m": Experience(1, 2, 3, 4)}
    assert known.cooldowns["provider:den"]["until"] == 1.5
    assert not warnings


def test_a_size_beyond_all_reason_is_unknown(tmp_path: Path, warnings: list[str]) -> None:
    """What a broken server counts must not cost the whole inventory."""
    entry = ProviderInventory(provider="den", attempted_at=AT, models=(ObservedModel(name="m", size=10**30),))
    assert inventory.update(tmp_path, [entry]).providers["den"].models[0].size == 0
    assert not warnings


@pytest.mark.parametrize("text", ["2026-11-21T03:44:00Z", "2026-11-21T03:44:00.123Z", "2024-02-29T23:59:59Z"])
def test_times(text: str) -> None:
    """Times as llmpool writes them are times."""
    assert shape.is_moment(text)
    assert shape.moment(text) == text


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "2026-11-21", "2026-11-21T03:44:00", "2026-02-29T03:44:00Z", "2026-13-01T03:44:00Z"),
        *("2026-11-21T24:00:00Z", "2026-11-21T03:60:00Z", "2026-11-21T03:44:60Z", "0000-01-01T00:00:00Z"),
        *("2026-11-21T03:44:00+01:00", "2026-11-21T03:44:00.Z", "2026-11-21T03:44:00.1Z2Z", " 2026-11-21T0"),
        *("\uff12026-11-21T03:44:00Z", "2026-11-21T03:44:00.12", 5, None, ["2026-11-21T03:44:00Z"]),
    ],
)  # fmt: skip
def test_no_times(value: Any) -> None:
    """Anything that cannot be shown as a time is none."""
    assert not shape.is_moment(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from([*health.SECTIONS, "providers", "policies", "den", "at"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_read_or_refused(data: Any) -> None:
    """Whatever JSON a file holds, reading it gives a value or an error that sets it aside."""
    for decode in (health.Health, inventory._inventory, policy._policies):
        try:
            decode(data)
        except (TypeError, KeyError, AttributeError, ValueError, IndexError):
            continue
