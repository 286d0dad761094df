"""Forgetting every rest at once (failover-cooldown 12, `reset_all`)."""

from __future__ import annotations

import time

from llmpool.router.cooldown import Cooldown
from llmpool.state import health
from tests.support import Home, model, provider

SCOPES = ("provider:a", "deployment:a/m", "key:a/default", "deployment:b/n", "provider:b")


def test_all_rests_of_all_providers_are_forgotten(home: Home) -> None:
    """Providers, deployments and keys; with the name of one of them the others keep theirs."""
    url = "http://127.0.0.1:9/v1"
    home.write_config(provider("a", url), provider("b", url), model("a/m"), model("b/n"))
    rest = Cooldown(time.time() + 600, 600.0, "server", 3, 0, time.time())._asdict()
    health.update(home.state, lambda known: known.cooldowns.update(dict.fromkeys(SCOPES, rest)))
    assert home.here("providers", "clear", "b").code == 0
    assert set(health.read(home.state).cooldowns) == set(SCOPES[:3])
    assert home.here("providers", "clear", "--all").code == 0
    assert health.read(home.state).cooldowns == {}
