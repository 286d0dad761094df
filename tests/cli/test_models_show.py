"""`models show`: the effective value of each field, its source, and what the other sources say beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Probe, ProviderInventory
from llmpool.core.times import rfc3339
from llmpool.pool import open_pool
from llmpool.state import inventory
from tests.support import Home, model, provider


@pytest.fixture
def shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a home with one declared, observed, probed and vendored deployment, and one that is not there."""
    home.write_config(
        provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
        model("sky/gpt-5-mini", quality=9, context_window=200000, supports_images=False, aliases=["mini"]),
    )
    observe(
        home.state, Probe(model="gone", at=_today(), available=False, status=404, error="no\x1b[31m such")
    )
    return home


def _today() -> str:
    return rfc3339(time.time())


def observe(state: Path, *probes: Probe) -> None:
    """Keep a healthy listing of sky, and what probes found."""
    lines = (ObservedModel(name="gpt-5-mini", context_window=272000), ObservedModel(name="gone"))
    at = _today()
    inventory.update(state, [ProviderInventory(provider="sky", attempted_at=at, fetched_at=at, models=lines)])
    tried = Probe(
        model="gpt-5-mini", at=at, available=True, status=200, capabilities=Capabilities(json=False)
    )
    inventory.remember_probes(state, "sky", [tried, *probes])


def lines(home: Home, ref: str) -> dict[str, str]:
    """Return what a person reads, by the name that a line begins with."""
    text = home.here("models", "show", ref).out.splitlines()[2:]
    return {line[2:17].strip(): line[18:] for line in text}


def test_each_value_stands_with_its_source_and_its_rivals(shown: Home) -> None:
    """What others say is in brackets where it differs, and nowhere else."""
    found = lines(shown, "mini")
    assert found["context window"].split() == ["200k", "config", "(observed", "272k,", "vendored", "400k)"]
    assert found["max output"].split() == ["128k", "vendored"]
    assert found["quality"].split() == ["9", "config"]
    assert found["images"].split() == ["no", "config", "(vendored", "yes)"]
    assert found["json"].split() == ["no", "probed", "(vendored", "yes)"]
    assert found["tools"].split() == ["yes", "vendored"]
    assert found["embeddings"].split() == ["unknown", "unknown"]
    assert found["probed"].split()[0] == "answered"


def test_json_has_the_same_under_provenance(shown: Home) -> None:
    """Scripts get every source's word, also where it agrees, and each source whole."""
    found: dict[str, Any] = shown.here("models", "show", "mini", "--json").json["model"]
    assert found["provenance"]["context_window"] == {
        "value": 200000,
        "from": "config",
        "declared": 200000,
        "observed": 272000,
        "vendored": 400000,
    }
    assert found["provenance"]["tools"] == {"value": True, "from": "vendored", "vendored": True}
    assert found["max_output"] == found["vendored"]["max_output"] == 128000
    assert found["origin"]["json"] == "probed"
    assert found["probe"]["available"] is True


def test_a_model_that_a_probe_did_not_find_says_so_everywhere(shown: Home) -> None:
    """show, list and route give the same reason; naming it is still allowed, and nothing raw is printed."""
    reason = f"not configured there (probed {_today()[:10]})"
    result = shown.here("models", "show", "sky/gone")
    assert f"not available: {reason}" in result.out
    assert "not there" in result.out
    assert "\x1b" not in result.out
    entries = {each["id"]: each for each in shown.here("models", "list", "--json").json["models"]}
    assert (entries["sky/gone"]["available"], entries["sky/gone"]["unavailable_reason"]) == (False, reason)
    decision = shown.here("route", "--json", "hi").json["decision"]
    assert decision["rejections"] == [{"deployment": "sky/gone", "reasons": [reason]}]
    assert shown.here("route", "-m", "sky/gone", "hi").out == "sky/gone\n"


def test_a_later_probe_ends_a_verdict(shown: Home) -> None:
    """Once a probe finds the model it is there again, at once."""
    inventory.remember_probes(shown.state, "sky", [Probe(model="gone", at=_today(), available=True)])
    assert shown.here("route", "--json", "hi").json["decision"]["rejections"] == []


def test_the_clock_ends_a_verdict(shown: Home) -> None:
    """After seven days nothing need be compiled anew for a verdict to be none."""
    now = time.time()
    paths = Paths(shown.config, shown.state, shown.dir / "secrets.json")
    assert set(open_pool(paths, env={}, clock=lambda: now).facts().absent) == {"sky/gone"}
    for days, holds in ((6.9, True), (7.1, False)):
        later = open_pool(paths, env={}, clock=lambda then=now + days * 86400: then)
        assert bool(later.facts().absent) is holds
