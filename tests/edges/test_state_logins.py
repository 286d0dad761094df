"""accounts.json, tokens.json and account-quotas.json: what is kept, in which order, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import StateUnusable
from llmpool.state import logins, quotas, tokens
from llmpool.state.logins import Login
from llmpool.state.quotas import ModelQuota, Quota
from llmpool.state.tokens import Passing

NOW = 1_700_000_000.0
HOUR = 3600.0


def login(name: str, email: str = "", provider: str = "p", **fields: Any) -> Login:
    """Make an account."""
    return Login(provider=provider, id=name, type="codex", email=email, **fields)


def test_one_account_stays_of_each_provider_and_email() -> None:
    """Worked example 33: +2 h, the other e-mail and the other provider stay."""
    one = login("one", "a@x", expires_at=NOW + HOUR)
    two = login("two", "a@x", expires_at=NOW + 2 * HOUR)
    other, elsewhere = login("three", "b@x"), login("four", "a@x", "q", expires_at=NOW)
    assert logins.deduplicated([one, two, other, elsewhere]) == [other, two, elsewhere]


def test_what_decides_between_two_accounts() -> None:
    """Expiry first (never is longest), then updated_at, created_at, id; without an e-mail all stay."""
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"expires_at": NOW}, {}),
        ({"updated_at": 1.0}, {"updated_at": 2.0}),
        ({"created_at": 1.0}, {"created_at": 2.0}),
    ]
    for less, more in pairs:
        assert logins.deduplicated([login("b", "a@x", **more), login("c", "a@x", **less)])[0].id == "b"
    assert logins.deduplicated([login("a", "a@x"), login("b", "a@x")])[0].id == "b"
    assert len(logins.deduplicated([login("a"), login("b")])) == 2


@given(
    st.lists(
        st.builds(
            lambda name, email, provider, at: login(name, email, provider, expires_at=at),
            st.sampled_from("abc"),
            st.sampled_from(["", "x@y", "z@y"]),
            st.sampled_from("pq"),
            st.sampled_from([0.0, NOW, NOW + 1]),
        ),
        max_size=8,
        unique_by=lambda each: (each.provider, each.id),
    )
)
def test_leaving_out_doubles_twice_changes_nothing(known: list[Login]) -> None:
    """No e-mail is left at no account, and the order of the list does not matter."""
    kept = logins.deduplicated(known)
    assert logins.deduplicated(kept) == kept
    assert logins.deduplicated(reversed(known)) == kept
    assert {(each.provider, each.email) for each in kept} == {(each.provider, each.email) for each in known}


def test_accounts_come_back_in_the_order_to_try_them(tmp_path: Path) -> None:
    """The oldest first, then by id; what is kept holds everything but tokens."""
    late = login("a", scopes=("x", "y"), created_at=2.0, project="p", endpoint="https://e", borrowed=True)
    early, twin = login("c", created_at=1.0, expires_at=NOW), login("b", created_at=1.0, passing=True)
    for each in (late, early, twin, login("z", provider="q")):
        assert logins.keep(tmp_path, each) == []
    assert logins.of(tmp_path, "p") == [twin, early, late]
    assert (tmp_path / logins.NAME).stat().st_mode & 0o777 == 0o600
    logins.change_one(tmp_path, "p", "c", expires_at=NOW + 1)
    assert logins.of(tmp_path, "p")[1].expires_at == NOW + 1
    assert logins.forget(tmp_path, "p", ["a", "nobody"]) == [late]
    assert [each.id for each in logins.read(tmp_path)] == ["b", "c", "z"]


def test_an_account_takes_the_place_of_one_with_its_email(tmp_path: Path) -> None:
    """Who lasts longer stays, and who went is told, so that its tokens can be let go."""
    old, new = login("a", "x@y", expires_at=NOW), login("b", "x@y", expires_at=NOW + 1)
    logins.keep(tmp_path, old)
    assert logins.keep(tmp_path, new) == [old]
    assert logins.keep(tmp_path, old) == [old]
    assert logins.read(tmp_path) == [new]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"accounts": {}},
        {"accounts": [7]},
        {"accounts": [{"provider": "p"}]},
        {"accounts": [{"provider": "p", "id": "a", "type": "codex", "expires_at": "soon"}]},
        {"accounts": [{"provider": "p", "id": "a", "type": "codex", "scopes": "x"}]},
    ],
)
def test_a_list_of_accounts_that_holds_something_else_is_corrupt(tmp_path: Path, data: Any) -> None:
    """It is set aside and the run ends, and the next one too, until its owner has settled that."""
    (tmp_path / logins.NAME).write_text(json.dumps({"version": 1, "data": data}))
    if data is None:
        assert logins.read(tmp_path) == []
        return
    for _ in range(2):
        with pytest.raises(StateUnusable):
            logins.read(tmp_path)


def test_passing_tokens_are_dropped_when_they_have_ended(tmp_path: Path) -> None:
    """With the next write; those of one key by name."""
    one, two = ("p", "a", tokens.ACCESS), ("p", "b", tokens.EXCHANGED)
    tokens.keep(tmp_path, one, Passing("t1", NOW + 1), NOW)
    tokens.keep(tmp_path, two, Passing("t2", NOW + 9, "https://e"), NOW)
    assert tokens.read(tmp_path) == {one: Passing("t1", NOW + 1), two: Passing("t2", NOW + 9, "https://e")}
    tokens.keep(tmp_path, two, Passing("t3", NOW + 9), NOW + 5)
    assert tokens.read(tmp_path) == {two: Passing("t3", NOW + 9)}
    tokens.forget(tmp_path, "q", ["b"])
    tokens.forget(tmp_path, "p", ["b"])
    assert tokens.read(tmp_path) == {}


def test_tokens_of_a_file_that_others_may_write_or_that_is_a_link_are_not_used(tmp_path: Path) -> None:
    """A strange token would be sent, with the prompt, to a strange address."""
    place = ("p", "a", tokens.ACCESS)
    tokens.keep(tmp_path, place, Passing("t", NOW), 0)
    file = tmp_path / tokens.NAME
    file.chmod(0o660)
    assert tokens.read(tmp_path) == {}
    file.chmod(0o600)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert tokens.read(tmp_path) == {}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=6))
def test_passing_tokens_of_any_shape_are_read_or_set_aside(tmp_path_factory: Any, data: Any) -> None:
    """They are observations: a broken file costs a refresh, never a run."""
    state = tmp_path_factory.mktemp("state", numbered=True)
    (state / tokens.NAME).write_text(json.dumps({"version": 1, "data": {"tokens": data}}))
    (state / tokens.NAME).chmod(0o600)
    assert tokens.read(state) == {}


def test_quotas_are_a_cache_of_a_day(tmp_path: Path) -> None:
    """By provider and account; the later answer counts, older ones than a day go."""
    models = (ModelQuota("gemini-x", 56, "2026-01-01T00:00:00Z"),)
    one = Quota(provider="p", account="a", type="gemini-cli", tier="t", tier_name="T", models=models, at=NOW)
    two = Quota(provider="p", account="b", type="copilot", error="sku_fetch_failed", message="m", at=NOW)
    quotas.remember(tmp_path, [], NOW)
    assert quotas.read(tmp_path) == {}
    quotas.remember(tmp_path, [one, two], NOW)
    assert quotas.read(tmp_path) == {("p", "a"): one, ("p", "b"): two}
    later = two.replace(at=NOW + 86_000, error="", message="")
    quotas.remember(tmp_path, [later], NOW + 86_401)
    assert quotas.read(tmp_path) == {("p", "b"): later}


def test_no_account_goes_because_there_are_many(tmp_path: Path) -> None:
    """A login is something its owner did: each one is there, however many are kept already."""
    many = [login(f"oat_{number:03}", provider=f"p{number % 3}") for number in range(300)]
    logins.jsonfile.update(tmp_path / logins.NAME, lambda _: logins._as_data(many))
    assert logins.keep(tmp_path, login("oat_last", provider="z")) == []
    assert len(logins.read(tmp_path)) == 301
