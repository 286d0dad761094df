"""setup.joining: policies of providers that become one; nothing is loosened, nothing lost in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.policy import STATES, Policy
from llmpool.setup import joining

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-22T03:44:00Z"
NAMES = {"gone": "kept", "third": "kept"}
OFF = Policy(state="inactive", reason="mine", updated_at=AT)


@pytest.mark.parametrize(
    ("kept", "gone", "expected"),
    [
        (Policy(state="flagged"), OFF, OFF),
        (OFF, Policy(state="active", updated_at=LATER), OFF.replace(updated_at=LATER)),
        (Policy(routable=True, reason="good"), Policy(routable=False), Policy(routable=False, reason="good")),
        (
            Policy(routable=False, reason="dear"),
            Policy(state="flagged", reason="watch"),
            Policy(state="flagged", routable=False, reason="dear"),
        ),
        (Policy(state="flagged", reason="one"), Policy(state="flagged", reason="two"), None),
    ],
)
def test_fields_are_joined_and_the_stricter_holds(kept: Policy, gone: Policy, expected: Policy) -> None:
    """What only one says holds; the reason is that of the stricter, among equals of the one that stays."""
    assert joining.joined({"gone/m": gone, "kept/m": kept}, NAMES) == {"kept/m": expected or kept}


def test_what_moves_and_what_does_not_hold_is_told() -> None:
    """A policy without its like moves as it is; `a` and `a:latest` are one model (ruling 18)."""
    known = {
        "gone": Policy(state="flagged", updated_at=AT),
        "gone/a": OFF,
        "gone/b": Policy(routable=False),
        "kept/a:latest": Policy(state="active", routable=True, updated_at=AT),
        "other/a": OFF,
        "third": Policy(state="inactive", reason="moving"),
    }
    assert joining.joined(known, NAMES) == {
        "kept": known["gone"],
        "kept/a:latest": OFF.replace(routable=True),
        "kept/b": known["gone/b"],
        "other/a": OFF,
        "third": known["third"],
    }
    moved, dropped = joining.told(known, NAMES)
    assert sorted(moved) == [
        "policy gone -> kept",
        "policy gone/a -> kept/a:latest: inactive, routable (mine)",
        "policy gone/b -> kept/b",
    ]
    assert dropped == ["policy of kept/a:latest: active, routable", "policy of third: inactive (moving)"]


ids = st.sampled_from([f"{name}/{model}" for name in ("gone", "kept", "third", "other") for model in "ab"])
policies = st.builds(
    Policy,
    state=st.none() | st.sampled_from(STATES),
    routable=st.none() | st.booleans(),
    reason=st.sampled_from(["", "one", "two"]),
).filter(lambda policy: policy.decides)


@given(st.dictionaries(ids, policies))
def test_nothing_is_loosened_and_everything_is_told(known: dict[str, Policy]) -> None:
    """Whatever was barred under any id stays barred; whatever differs afterwards is listed."""
    after = joining.joined(known, NAMES)
    moved, dropped = joining.told(known, NAMES)
    for old, each in known.items():
        new = f"{NAMES.get(old.partition('/')[0], old.partition('/')[0])}/{old.partition('/')[2]}"
        assert (each.state == "inactive") <= (after[new].state == "inactive")
        assert (each.routable is False) <= (after[new].routable is False)
        held = all(
            getattr(each, name) in (None, "", getattr(after[new], name))
            for name in ("state", "routable", "reason")
        )
        assert held != any(line.startswith(f"policy of {old}:") for line in dropped)
        assert (old != new) == any(line.startswith(f"policy {old} -> {new}") for line in moved)
