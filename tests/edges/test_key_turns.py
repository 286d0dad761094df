"""Which key a request is sent with: in turn, awake, present; and how that is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool import credentials
from llmpool.config.paths import Paths
from llmpool.core.outcome import Attempt, Failure
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.record import plain
from llmpool.errors import NoCredential
from llmpool.pool import Pool
from llmpool.router.cooldown import Cooldown, of_key
from llmpool.state import health, keys

NOW = 1_790_000_000.0
ENV = {"A": "sk-a", "B": "sk-b", "C": "sk-c"}


def provider(*labels: str, rotation: str = "first", disabled: str = "", **fields: Any) -> Provider:
    """Build a provider whose keys are in variables: label `a` in `A`."""
    refs = tuple(
        KeyRef(label=label, source="env", env=label.upper(), enabled=label not in disabled)
        for label in labels
    )
    known: dict[str, Any] = {"id": "work", "name": "work", "preset": "", "format": "openai"}
    known |= {"format_mode": "", "url": "http://x.example", "location": "cloud"}
    return Provider(**known, keys=refs, key_rotation=rotation, **fields)


def pool(state: Path, one: Provider | None = None, **env: str) -> Pool:
    """Build a pool with the variables of all keys, or *env*."""
    made = Pool(Paths(state / "config.toml", state, state / "secrets.json"), env or ENV, lambda: NOW)
    made.__dict__["routing"] = {"providers": [plain(one or provider("a"))]}
    return made


def rest(state: Path, label: str, seconds: float) -> None:
    """Let a key rest."""
    entry = Cooldown(NOW + seconds, seconds, "auth", 1, 0, NOW)
    health.update(state, lambda known: known.cooldowns.update({of_key("work", label): entry._asdict()}))


def turn(state: Path, one: Provider, **env: str) -> str:
    """Return the labels of the keys in the order of a new request."""
    return "".join(key.label for key in credentials.keys_in_turn(one, pool(state, one, **env)))


def test_first_keeps_the_configs_order(tmp_path: Path) -> None:
    """Without rotation every request begins with the first enabled key (example 25) and writes nothing."""
    one = provider("a", "b", "c", disabled="a")
    assert [turn(tmp_path, one), turn(tmp_path, one)] == ["bc", "bc"]
    assert list(tmp_path.iterdir()) == []


def test_disabled_keys_are_never_used(tmp_path: Path) -> None:
    """With every key disabled there is none, whatever the rotation: ruling 13, not the source's first key."""
    for rotation in ("first", "round_robin", "least_used"):
        with pytest.raises(NoCredential):
            turn(tmp_path, provider("a", rotation=rotation, disabled="a"))
        assert "b" not in turn(tmp_path, provider("a", "b", "c", rotation=rotation, disabled="b"))


def test_keys_go_round(tmp_path: Path) -> None:
    """Each request begins with the next key; the others follow, should it be refused."""
    one = provider("a", "b", "c", rotation="round_robin")
    assert [turn(tmp_path, one) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_the_least_used_key_goes_first(tmp_path: Path) -> None:
    """Uses are evened out; of equals the config's order counts."""
    keys.note(tmp_path, {("work", "a"): 1}, NOW)
    one = provider("a", "b", rotation="least_used")
    assert [turn(tmp_path, one) for _ in range(3)] == ["ba", "ab", "ba"]


def test_a_resting_key_is_passed_over(tmp_path: Path) -> None:
    """A key in cooldown is not tried while another is awake; when all rest it is the one free first."""
    rest(tmp_path, "a", 600)
    for rotation in ("first", "round_robin", "least_used"):
        assert "a" not in turn(tmp_path, provider("a", "b", "c", rotation=rotation))
    rest(tmp_path, "b", 300)
    assert turn(tmp_path, provider("a", "b")) == "b"
    assert turn(tmp_path, provider("a", "b", rotation="round_robin")) == "b"
    assert turn(tmp_path, provider("a")) == "a"


def test_a_variable_that_is_not_set_has_no_turn(tmp_path: Path) -> None:
    """A key that cannot be there is left out while another may be; with none, all are tried."""
    one = provider("a", "b", "c", rotation="round_robin")
    assert [turn(tmp_path, one, A="sk-a", C="sk-c") for _ in range(3)] == ["ac", "ca", "ac"]
    assert turn(tmp_path, provider("a", "b"), B=" ") == "ab"


def test_turns_that_cannot_be_kept_cost_a_warning(tmp_path: Path) -> None:
    """A state directory that refuses leaves the config's order."""
    state = tmp_path / "file"
    state.write_text("in the way")
    one = provider("a", "b", rotation="round_robin")
    known = pool(state, one)
    known.__dict__["health"] = health.Health(None)
    assert [key.label for key in credentials.keys_in_turn(one, known)] == ["a", "b"]
    assert known.warnings[0].startswith("the turns of work's keys are not kept: cannot")


def attempt(key: str, kind: str = "", status: int = 0, ref: str = "work/m", code: str = "") -> Attempt:
    """Build an attempt, failed with a *kind* of failure or not."""
    failure = Failure(kind=kind, message="", status=status, code=code) if kind else None
    return Attempt(deployment=ref, key=key, latency_ms=1, failure=failure)


def counts(state: Path) -> dict[str, int]:
    """Return the uses of each key."""
    return {label: use.times for label, use in keys.read(state).uses.get("work", {}).items()}


def test_what_was_sent_is_counted(tmp_path: Path) -> None:
    """Each attempt that was sent is a use of its key; a missing key, and none at all, are not."""
    tried = [attempt("a", "auth", 401), attempt("b", "server", 500), attempt("b"), attempt("c", "auth")]
    credentials.count_uses(pool(tmp_path, provider("a", "b", "c")), tried)
    assert counts(tmp_path) == {"a": 1, "b": 2}
    assert keys.read(tmp_path).uses["work"]["a"].last_used == NOW


def test_without_a_key_nothing_is_counted(tmp_path: Path) -> None:
    """A provider that needs no key leaves no file."""
    credentials.count_uses(pool(tmp_path), [attempt("none")])
    assert list(tmp_path.iterdir()) == []


def test_a_turn_counts_once(tmp_path: Path) -> None:
    """The key whose turn it was is counted as it is taken, and taken back where nothing was sent with it."""
    one = provider("a", "b", rotation="round_robin")
    known = pool(tmp_path, one)
    credentials.keys_in_turn(one, known)
    credentials.count_uses(known, [attempt("a", "auth", 401), attempt("b")])
    assert counts(tmp_path) == {"a": 1, "b": 1}
    credentials.keys_in_turn(one, known)
    credentials.count_uses(known, [attempt("b", "rate_limit", code="own_limit")])
    assert counts(tmp_path) == {"a": 1, "b": 1}
    for _ in range(2):
        credentials.keys_in_turn(one, known)
    credentials.count_uses(known, [attempt("a"), attempt("b", ref="work/n")])
    assert counts(tmp_path) == {"a": 2, "b": 2}
