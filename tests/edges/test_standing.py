"""setup.standing: everything that binds one provider or deployment, in one view."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.config.paths import Paths
from llmpool.core.policy import Policy
from llmpool.errors import UnknownName
from llmpool.pool import Pool, open_pool
from llmpool.setup.standing import Decided, decided, standing
from llmpool.state import policy

CONFIG = """
[providers.den]
preset = "ollama"
url = "http://127.0.0.1:9"
[providers.sky]
format = "openai"
url = "http://127.0.0.1:9/v1"
allowed_models = ["gpt-5*"]
[providers.off]
format = "openai"
url = "http://127.0.0.1:9/v1"
enabled = false
[[models]]
id = "sky/gpt-5"
[[models]]
id = "sky/gpt-4"
[[models]]
id = "den/m"
[[models]]
id = "off/m"
[groups.family]
providers = ["den"]
models = ["m"]
[groups.new]
models = ["gpt-5"]
[groups.every]
"""
OFF = Policy(state="inactive", reason="billing")
BARRED = "provider inactive by policy: billing"


def opened(tmp_path: Path, **policies: Policy) -> Pool:
    """Open the pool with these policies; `__` stands for a slash."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    found = {name.replace("__", "/"): each for name, each in policies.items()}
    policy.update(tmp_path, lambda _: found)
    return open_pool(Paths(config, tmp_path, tmp_path / "secrets.json"), env={})


@pytest.mark.parametrize(
    ("target", "policies", "automatic", "by_name"),
    [
        ("sky/gpt-5", {}, "", ""),
        ("sky/gpt-5", {"sky__gpt-5": OFF}, "inactive by policy: billing", ""),
        ("sky/gpt-5", {"sky": OFF}, BARRED, BARRED),
        ("sky/gpt-4", {}, "not in allowed_models", "not in allowed_models"),
        ("off/m", {}, "provider disabled", "provider disabled"),
        ("den/other", {}, "not listed at den now", ""),
        ("den/other", {"den": OFF}, BARRED, BARRED),
        ("sky/other", {}, "not in allowed_models", "not in allowed_models"),
        ("attic/m", {"attic__m": OFF}, "no provider attic is configured", "no provider attic is configured"),
        ("den", {}, "", ""),
        ("den", {"den": OFF}, "inactive by policy: billing", "inactive by policy: billing"),
        ("off", {}, "disabled in the config", "disabled in the config"),
    ],
)
def test_what_binds_a_target(
    tmp_path: Path, target: str, policies: dict[str, Policy], automatic: str, by_name: str
) -> None:
    """Provider, deployment, allow-list and config, the reason in words; empty where nothing does."""
    found = standing(opened(tmp_path, **policies), target)
    assert (found.automatic, found.by_name) == (automatic, by_name)


def test_a_deployment_shows_both_policies_and_its_groups(tmp_path: Path) -> None:
    """Its own and that of its provider; a target may be a name that one deployment carries."""
    flagged = Policy(state="flagged")
    found = standing(opened(tmp_path, den=flagged, den__m=OFF), "den/m")
    assert (found.target, found.model, found.there) == ("den/m", "m", True)
    assert (found.own, found.provider, found.enabled) == (OFF, flagged, True)
    assert (found.allowed, found.groups) == ((), ("family", "every"))
    assert standing(opened(tmp_path), "gpt-5").target == "sky/gpt-5"


def test_a_provider_shows_what_it_has(tmp_path: Path) -> None:
    """How many deployments, and in which groups it has members."""
    assert standing(opened(tmp_path), "off").groups == ("every",)  # its model is not in "new"
    found = standing(opened(tmp_path, sky=OFF), "sky")
    assert (found.model, found.own, found.provider, found.deployments) == ("", OFF, None, 2)
    assert (found.allowed, found.groups) == (("gpt-5*",), ("new", "every"))


def test_what_is_not_there_is_shown_where_something_is_decided(tmp_path: Path) -> None:
    """A policy of a provider that is gone is still the owner's; a mere misspelling is an error."""
    pool = opened(tmp_path, attic=OFF, den=OFF)
    found = standing(pool, "attic")
    assert (found.there, found.own, found.enabled, found.groups) == (False, OFF, None, ("new", "every"))
    assert decided(pool) == Decided({"attic": OFF, "den": OFF}, frozenset({"attic"}))
    assert decided(pool, "d*") == Decided({"den": OFF}, frozenset())
    for name in ("atic", "no/such"):
        with pytest.raises(UnknownName):
            standing(pool, name)
    with pytest.raises(UnknownName):
        decided(pool, "x*")
