"""A pool with OAuth accounts at a fake server, for the tests of what is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool import accounts
from llmpool.auth.oauth import Tokens
from llmpool.config.paths import Paths
from llmpool.pool import Pool
from llmpool.setup.login import adopt
from llmpool.state.logins import Login
from tests.fakes.oauth import FakeOAuth

STATE_KEY = {"LLMPOOL_STATE_KEY": "01234567890123456789012345678901"}
CODEX, COPILOT, GOOGLE = "openai-codex", "github-copilot", "google-gemini-cli"
KINDS = {CODEX: "codex", COPILOT: "copilot", GOOGLE: "gemini-cli"}


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def pool_of(place: Path, fake: FakeOAuth, clock: Clock, *providers: str, **env: str) -> Pool:
    """Write the config of *providers*, all at the fake server, and open the pool."""
    config = place / "config.toml"
    fake.clock = clock
    tables = [fake.table(KINDS[name]) for name in providers]
    tables += [f"[providers.{name}]\n" for name in providers]
    config.write_text("\n".join(tables))
    paths = Paths(config, place / "state", place / "secrets.json")
    return Pool(paths, STATE_KEY | env, clock)


def logged_in(
    pool: Pool, provider: str, access: str = "access-old", refresh: str = "", **fields: Any
) -> Login:
    """Keep an account; *ends* is when its access token does."""
    ends = fields.pop("ends", 0.0)
    known = {"store": "file", "type": KINDS[provider]} | fields
    return adopt(pool, Login(provider=provider, id="", **known), Tokens(access, refresh, ends))


def token(pool: Pool, provider: str, place: int = 0) -> str:
    """Resolve an account of *provider* as a call would."""
    one = pool.provider(provider)
    return accounts.resolve(accounts.refs(one, pool)[place], one, pool).token
