"""Tier and quotas of accounts: what is asked for, what is told, what is kept, and every way to fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.discovery import account_quota
from llmpool.discovery.account_quota import _percent, quotas
from llmpool.pool import Pool
from llmpool.state.quotas import ModelQuota, Quota
from tests.edges.account_pool import CODEX, COPILOT, GOOGLE, Clock, logged_in, pool_of
from tests.fakes import faults
from tests.fakes.oauth import FakeOAuth, script
from tests.fakes.server import FakeServer

NOW = float(int(time.time()))
TIER = "/v1internal:loadCodeAssist"
MODELS = "/v1internal:fetchAvailableModels"


@pytest.fixture
def fake() -> Iterator[FakeOAuth]:
    """Give a fake of both kinds of servers."""
    with FakeServer(["m"], speaks=("cloudcode", "copilot")) as server:
        yield FakeOAuth(server)


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock(NOW)


def asked(pool: Pool, provider: str, account: str, **options: Any) -> Quota:
    """Ask for one account."""
    (found,) = quotas(pool, [(provider, account)], **options)
    return found


def model(left: object, reset: object = None) -> dict[str, Any]:
    """Write a model of the listing."""
    return {"quotaInfo": {"remainingFraction": left} | ({"resetTime": reset} if reset else {})}


def test_tier_and_quotas_of_a_google_account(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Worked example 32: 0.125 is 13 %, 0.555 is 56 %, null is left out, and so is gpt-x; sorted by model."""
    pool = pool_of(tmp_path, fake, clock, GOOGLE)
    account = logged_in(pool, GOOGLE, "access-1", project="mine", endpoint=fake.server.root).id
    fake.server.routes[TIER] = {
        "paidTier": {"id": "g1-pro", "name": "Google One AI Pro"},
        "currentTier": {"id": "free-tier", "name": "Free"},
        "cloudaicompanionProject": "theirs",
    }
    fake.server.routes[MODELS] = {
        "models": {
            "gemini-b": model(0.555, "2026-03-01T00:00:00Z"),
            "claude-a": model(0.125),
            "gemini-none": model(None),
            "gpt-x": model(1),
            "Gemini-upper": model(1),
            "gemini-bare": {},
            "gemini\x1b[2J": model(1),
        }
    }
    found = asked(pool, GOOGLE, account)
    assert (found.tier, found.tier_name, found.error) == ("g1-pro", "Google One AI Pro", "")
    assert found.models == (
        ModelQuota("claude-a", 13),
        ModelQuota("gemini-b", 56, "2026-03-01T00:00:00Z"),
    )
    tier, models = (r for r in fake.server.requests if r.path.startswith("/v1internal"))
    assert tier.json == {"metadata": {"ideType": "GEMINI_CLI"}}
    assert models.json == {"project": "mine"}
    assert tier.headers["authorization"] == "Bearer access-1"
    assert tier.headers["user-agent"].startswith("llmpool/")


def test_what_was_told_is_kept_for_five_minutes(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """For each account by itself, failures included; `--refresh` asks again."""
    pool = pool_of(tmp_path, fake, clock, GOOGLE)
    one = logged_in(pool, GOOGLE, "a1", email="one@x", endpoint=fake.server.root).id
    two = logged_in(pool, GOOGLE, "a2", email="two@x", endpoint=fake.server.root).id
    fake.server.routes[TIER] = faults.status(500)
    assert {asked(pool, GOOGLE, each).error for each in (one, two)} == {"fetch_failed"}
    count = len(fake.server.requests)
    clock.now += 299
    assert asked(pool, GOOGLE, one).error == "fetch_failed"
    assert len(fake.server.requests) == count
    del fake.server.routes[TIER]
    clock.now += 1
    found = asked(pool, GOOGLE, one)
    assert (found.tier, found.tier_name, found.error) == ("free-tier", "Free", "")
    assert asked(pool, GOOGLE, two, refresh=True).tier == "free-tier"


def test_a_tier_that_cannot_be_had_is_no_error_where_quotas_can(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """`fetch_failed` only when the tier failed and nothing was obtained."""
    pool = pool_of(tmp_path, fake, clock, GOOGLE)
    account = logged_in(pool, GOOGLE, "a1", project="mine", endpoint=fake.server.root).id
    fake.server.routes[TIER] = faults.status(403)
    fake.server.routes[MODELS] = {"models": {"gemini-x": model(1)}}
    found = asked(pool, GOOGLE, account)
    assert (found.tier, found.error, found.models) == ("", "", (ModelQuota("gemini-x", 100),))


def test_the_tier_of_a_seat_is_in_its_token(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Copilot's exchanged token names its sku; a failed exchange is Free, with the reason."""
    pool = pool_of(tmp_path, fake, clock, COPILOT)
    account = logged_in(pool, COPILOT, "gho_1").id
    assert asked(pool, COPILOT, account).tier_name == "GitHub Copilot Pro+"
    script(fake, "exchange", [500])
    clock.now += 9000
    found = asked(pool, COPILOT, account)
    assert (found.tier, found.tier_name, found.error) == ("Free", "GitHub Copilot Free", "sku_fetch_failed")
    assert "gho_1" not in found.message


def test_who_cannot_be_asked_is_told_by_a_word(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Nobody logged in (never cached), a type without quotas, a token that cannot be refreshed."""
    pool = pool_of(tmp_path, fake, clock, CODEX, GOOGLE)
    assert asked(pool, CODEX, "oat_gone").error == "oauth_not_connected"
    assert not (pool.paths.state / "account-quotas.json").exists()
    codex = logged_in(pool, CODEX).id
    assert asked(pool, CODEX, codex).error == "unsupported_provider_type"
    google = logged_in(pool, GOOGLE, "a", "refresh-unknown", ends=NOW - 9).id
    script(fake, "refresh_token", [503])
    assert asked(pool, GOOGLE, google).error == "token_refresh_failed"
    assert [q.failed for q in quotas(pool, [(CODEX, codex), (GOOGLE, google)])] == [False, True]


def test_offline_only_what_is_known_is_told(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """However old it is."""
    pool = pool_of(tmp_path, fake, clock, COPILOT)
    account = logged_in(pool, COPILOT, "gho_1").id
    pool.offline = True
    assert quotas(pool, [(COPILOT, account)]) == []
    pool.offline = False
    asked(pool, COPILOT, account)
    clock.now += 4000
    pool.offline = True
    assert asked(pool, COPILOT, account).tier == "Pro+"


@given(st.floats(0, 1))
def test_a_percentage_rounds_half_up(fraction: float) -> None:
    """Not as Python's round does, which goes to the even neighbour."""
    found = _percent(fraction)
    assert found is not None
    assert 0 <= found <= 100
    assert abs(found - fraction * 100) <= 0.5 + 1e-9


@pytest.mark.parametrize("value", [None, True, "0.5", -0.1, 1.1, float("nan"), float("inf"), [], {}])
def test_what_is_no_fraction_is_not_told(value: object) -> None:
    """A wrong type is left out, never a crash."""
    assert _percent(value) is None
    assert account_quota._percent(0.005) == 1
