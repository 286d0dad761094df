"""Completion of names that the config has."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.cli import complete


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LLMPOOL_CONFIG", str(path))
    return path


def test_profiles_are_the_built_in_ones_and_those_of_the_config(config: Path) -> None:
    """Each once, those that a shell could take for an order never."""
    assert complete.profiles("") == ["premium", "fast", "private", "background"]
    config.write_text("[profiles.fast]\n[profiles.feline]\n[profiles.'f;rm']\n[groups.family]\n")
    assert complete.profiles("f") == ["fast", "feline"]
    assert complete.groups("f") == ["family"]


@pytest.mark.parametrize("text", ["groups = 5\nprofiles = ['x']", "[[profiles]]\n[[groups]]", "not = toml ="])
def test_a_config_that_is_none_offers_nothing(config: Path, text: str) -> None:
    """A completion must never print an error into the prompt."""
    config.write_text(text)
    assert complete.groups("") == []
    assert complete.profiles("b") == ["background"]
