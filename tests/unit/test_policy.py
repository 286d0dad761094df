"""core.policy: how decisions are merged, and what they mean for automatic choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.policy import STATES, Policy, chosen_automatically, merged

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-21T03:45:00Z"
states = st.none() | st.sampled_from(STATES)
routables = st.none() | st.booleans()
policies = st.builds(lambda s, r, w: Policy(state=s, routable=r, reason=w), states, routables, st.text())


def test_the_whole_replacement_trap_is_none_here() -> None:
    """4.3 [rec], ruling 19: flagging, then only routable=true, keeps the flag and its reason."""
    flagged = merged(Policy(), state="flagged", routable=None, reason="watch it", at=AT)
    promoted = merged(flagged, state=None, routable=True, reason=None, at=LATER)
    assert promoted == Policy(state="flagged", routable=True, reason="watch it", updated_at=LATER)


def test_an_override_outlives_a_new_state() -> None:
    """4.3: an omitted routable does not drop an earlier override, as it does over the source's HTTP."""
    before = Policy(routable=False, reason="too dear", updated_at=AT)
    after = merged(before, state="active", routable=None, reason=None, at=LATER)
    assert after == Policy(state="active", routable=False, reason="too dear", updated_at=LATER)


def test_reasons_are_trimmed_and_can_be_taken_away() -> None:
    """A reason loses its blanks; an empty one takes the old one away, which leaving it out does not."""
    before = merged(Policy(), state="inactive", routable=None, reason="  moving house \n", at=AT)
    assert before.reason == "moving house"
    assert merged(before, state=None, routable=None, reason="", at=AT) == Policy(
        state="inactive", updated_at=AT
    )


@given(policies, states, routables, st.none() | st.text())
def test_a_merge_changes_what_is_said_and_nothing_else(
    before: Policy, state: str | None, routable: bool | None, reason: str | None
) -> None:
    """Each field is the given one or the old one, and doing it again at the same time changes nothing."""
    wish = {"state": state, "routable": routable, "reason": reason}
    after = merged(before, **wish, at=AT)  # type: ignore[arg-type]
    assert after.state == (before.state if state is None else state)
    assert after.routable == (before.routable if routable is None else routable)
    assert after.reason == (before.reason if reason is None else reason.strip())
    assert merged(after, **wish, at=AT) == after  # type: ignore[arg-type]
    assert merged(after, **wish, at=LATER).same_as(after)  # type: ignore[arg-type]


def test_a_reason_alone_decides_nothing() -> None:
    """4.3: a policy says a state or an override; without either it would be a remark."""
    assert not Policy(reason="why").decides
    assert Policy(state="active").decides
    assert Policy(routable=False).decides


@pytest.mark.parametrize(
    ("own", "provider", "base", "expected"),
    [
        (None, None, True, (True, "default")),
        (None, None, False, (False, "default")),
        (True, None, False, (True, "overlay")),
        (False, None, True, (False, "overlay")),
        (None, False, True, (False, "overlay")),
        (None, True, False, (True, "overlay")),
        (True, False, True, (True, "overlay")),
        (False, True, True, (False, "overlay")),
    ],
)
def test_the_nearest_override_wins(
    own: bool | None, provider: bool | None, base: bool, expected: tuple[bool, str]
) -> None:
    """A deployment's own override comes first, then its provider's, then what it is by itself."""
    assert chosen_automatically(Policy(routable=own), Policy(routable=provider), base) == expected
