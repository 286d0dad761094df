"""A file of our own that is larger than any: it is named and refused, and never fills the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.config import load as loading
from llmpool.state import jsonfile
from tests.support import Home, model, provider


@pytest.fixture
def den(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a home that has been used, in which nothing may be read that has more than a megabyte."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), model("den/m"))
    assert home.here("policy", "set", "den", "--state", "flagged").code == 0
    assert home.here("route", "hi").code == 0
    monkeypatch.setattr(jsonfile, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(loading, "MOST_BYTES", 1 << 20)
    read = Path.read_bytes

    def bounded(path: Path) -> bytes:
        assert path.stat().st_size <= 1 << 20, f"{path.name} was read"
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", bounded)
    return home


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate((1 << 20) + 1)


@pytest.mark.parametrize("words", ["models list", "config check", "config set local_first true", "route hi"])
def test_a_config_without_end_is_no_config(den: Home, words: str) -> None:
    """Exit 4, the file, the fact and the way out, whether it is to be read or changed."""
    grow(den.config)
    done = den.here(*words.split(), "--json")
    assert (done.code, done.error["message"]) == (
        4,
        f"{den.config} is larger than 1 MiB, and so is no config",
    )
    assert "LLMPOOL_CONFIG" in done.error["hint"]


@pytest.mark.parametrize("words", ["policy show", "policy set den --state inactive", "models list"])
def test_a_decision_that_cannot_be_read_is_not_forgotten(den: Home, words: str) -> None:
    """Policy goes aside as any that is corrupt does: exit 10, until a good copy is there."""
    grow(den.state / "policy.json")
    for _ in range(2):
        done = den.here(*words.split(), "--json")
        assert (done.code, "policy.json" in done.error["message"]) == (10, True)
    aside = [path.name for path in den.state.glob("policy.json.corrupt-*")]
    assert len(aside) == 1


@pytest.mark.parametrize("name", ["inventory.json", "health.json", "registry.json", "routing.json"])
def test_an_observation_is_made_anew(den: Home, name: str) -> None:
    """It is set aside with a warning that says why, and the run goes on."""
    grow(den.state / name)
    told = ""
    for words in (("models", "list", "--json"), ("route", "hi", "--json")):
        done = den.here(*words)
        assert done.code == 0
        told += done.err
    assert "larger than 1 MiB" in told
    assert not (den.state / name).exists() or (den.state / name).stat().st_size < 1 << 20
