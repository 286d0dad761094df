"""What is kept of rate limits and of accounts: newest last, bounded, and never trusted when foreign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.limits import Headroom
from llmpool.state import accounts, jsonfile, limits
from llmpool.state.accounts import Account, Item
from llmpool.state.limits import Seen

NOW = 1_790_000_000.0
MINUTE = Headroom(what="requests", per="minute", limit=60, remaining=59, resets_at=NOW + 60)
UNDATED = Headroom(what="tokens", remaining=7)
BALANCE = Account(
    provider="deepseek",
    key="DEEPSEEK_API_KEY",
    kind="balance",
    items=(Item("remaining", "15.5", "CNY"), Item("granted", "-2")),
    primary="remaining",
    at=NOW,
)
FAILED = Account(provider="openrouter", key="a", error="http_401", message="No auth credentials", at=NOW)

LIMITS = [
    [],
    {"a": []},
    {"a": {"k": []}},
    {"a": {"k": {}}},
    {"a": {"k": {"at": NOW}}},
    {"a": {"k": {"at": "now", "entries": []}}},
    {"a": {"k": {"at": NOW, "entries": {}}}},
    {"a": {"k": {"at": NOW, "entries": [{}]}}},
    {"a": {"k": {"at": NOW, "entries": [{"what": 1}]}}},
    {"a": {"k": {"at": NOW, "entries": [{"what": "requests", "limit": -1}]}}},
    {"a": {"k": {"at": NOW, "entries": [{"what": "requests", "remaining": 1.5}]}}},
    {"a": {"k": {"at": NOW, "entries": [{"what": "requests", "resets_at": 1e300}]}}},
]
ACCOUNTS = [
    {},
    [[]],
    [{}],
    [{"provider": 1}],
    [{"provider": "a", "at": -1}],
    [{"provider": "a", "items": {}}],
    [{"provider": "a", "items": [{"key": "remaining"}]}],
    [{"provider": "a", "items": [{"key": "remaining", "value": 15.5}]}],
    [{"provider": "a", "items": [{"key": "remaining", "value": "1e9999999"}]}],
    [{"provider": "a", "items": [{"key": "remaining", "value": "NaN"}]}],
]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings of one test."""
    seen: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [seen.append])
    return seen


def plant(state: Path, name: str, data: Any) -> None:
    """Write foreign data into an envelope."""
    state.mkdir(exist_ok=True)
    (state / name).write_text(json.dumps({"version": 1, "written_at": "", "data": data}))


def test_the_last_answer_of_each_key_is_kept(tmp_path: Path) -> None:
    """A later answer replaces what its key said before, and leaves other keys alone."""
    assert limits.read(tmp_path) == {}
    limits.update(tmp_path, "work", "a", [MINUTE, UNDATED], NOW)
    limits.update(tmp_path, "work", "b", [UNDATED], NOW)
    limits.update(tmp_path, "work", "a", [MINUTE], NOW + 1)
    limits.update(tmp_path, "work", "a", [], NOW + 2)
    assert limits.read(tmp_path) == {"work": {"a": Seen(NOW + 1, (MINUTE,)), "b": Seen(NOW, (UNDATED,))}}
    assert (tmp_path / limits.NAME).stat().st_mode & 0o777 == 0o600


def test_what_says_nothing_writes_nothing(tmp_path: Path) -> None:
    """An answer without rate headers leaves the disk alone."""
    limits.update(tmp_path, "work", "a", [], NOW)
    assert not (tmp_path / limits.NAME).exists()


def test_old_entries_go_with_the_next_write(tmp_path: Path) -> None:
    """An hour after its reset an entry is gone, one without a reset after a day, and then its key is too."""
    limits.update(tmp_path, "work", "a", [MINUTE, UNDATED], NOW)
    limits.update(tmp_path, "home", "x", [MINUTE], NOW + 60 + 3600)
    assert limits.read(tmp_path)["work"]["a"].entries == (MINUTE, UNDATED)
    limits.update(tmp_path, "home", "x", [UNDATED], NOW + 60 + 3601)
    assert limits.read(tmp_path)["work"]["a"].entries == (UNDATED,)
    limits.update(tmp_path, "home", "x", [UNDATED], NOW + 86_401)
    assert list(limits.read(tmp_path)) == ["home"]


def test_many_keys_are_no_burden(tmp_path: Path) -> None:
    """Beyond 512 keys the oldest go."""
    data = {
        f"p{n}": {"k": {"at": NOW + n, "entries": [{"what": "tokens", "remaining": 1}]}}
        for n in range(limits.MOST_KEYS)
    }
    plant(tmp_path, limits.NAME, data)
    limits.update(tmp_path, "new", "k", [UNDATED], NOW + 600)
    kept = limits.read(tmp_path)
    assert len(kept) == limits.MOST_KEYS
    assert "p0" not in kept
    assert {"new", "p1"} <= set(kept)


@pytest.mark.parametrize("data", LIMITS, ids=str)
def test_foreign_limits_are_set_aside(tmp_path: Path, warnings: list[str], data: Any) -> None:
    """Limits of other fields or types cost a warning, and nothing is known until the next answer."""
    plant(tmp_path, limits.NAME, data)
    assert limits.read(tmp_path) == {}
    assert len(warnings) == len(list(tmp_path.glob("limits.json.corrupt-*"))) == 1
    limits.update(tmp_path, "work", "a", [MINUTE], NOW)
    assert limits.read(tmp_path) == {"work": {"a": Seen(NOW, (MINUTE,))}}


def test_accounts_are_kept_by_provider_and_key(tmp_path: Path) -> None:
    """The later answer about a key counts, failures too, and others stay."""
    assert accounts.read(tmp_path) == {}
    accounts.remember(tmp_path, [], NOW)
    assert not (tmp_path / accounts.NAME).exists()
    accounts.remember(tmp_path, [BALANCE, FAILED], NOW)
    assert accounts.read(tmp_path) == {
        ("deepseek", "DEEPSEEK_API_KEY"): BALANCE,
        ("openrouter", "a"): FAILED,
    }
    again = FAILED.replace(at=NOW + 5, error="http_500")
    accounts.remember(tmp_path, [again], NOW + 5)
    assert accounts.read(tmp_path)["openrouter", "a"] == again
    assert accounts.read(tmp_path)["deepseek", "DEEPSEEK_API_KEY"] == BALANCE


def test_accounts_are_forgotten_after_a_day(tmp_path: Path) -> None:
    """A balance of yesterday is no balance, nor is one from the future of a clock set back."""
    accounts.remember(tmp_path, [BALANCE], NOW)
    accounts.remember(tmp_path, [FAILED.replace(at=NOW + 86_401)], NOW + 86_401)
    assert list(accounts.read(tmp_path)) == [("openrouter", "a")]
    accounts.remember(tmp_path, [BALANCE], NOW)
    assert list(accounts.read(tmp_path)) == [("deepseek", "DEEPSEEK_API_KEY")]


@pytest.mark.parametrize("data", ACCOUNTS, ids=str)
def test_foreign_accounts_are_set_aside(tmp_path: Path, warnings: list[str], data: Any) -> None:
    """A cache of other fields or types costs a warning, no more."""
    plant(tmp_path, accounts.NAME, data)
    assert accounts.read(tmp_path) == {}
    assert len(warnings) == len(list(tmp_path.glob("account-status.json.corrupt-*"))) == 1


NAMES = st.sampled_from(("at", "entries", "what", "key")) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_no_file_whatever_breaks_a_run(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Whatever the files hold, reading them gives what a run can work on."""
    state = tmp_path_factory.getbasetemp() / "any-limits"
    plant(state, limits.NAME, data)
    plant(state, accounts.NAME, data)
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr(jsonfile, "_warning_hooks", [str])
        limits.update(state, "work", "a", [MINUTE], NOW)
        accounts.remember(state, [BALANCE], NOW)
    assert limits.read(state)["work"]["a"] == Seen(NOW, (MINUTE,))
    assert accounts.read(state)["deepseek", "DEEPSEEK_API_KEY"] == BALANCE
