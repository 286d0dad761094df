"""The generation over many runs: it moves with every real change, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmpool.config.paths import Paths
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.policy import Policy, merged
from llmpool.pool import open_pool
from llmpool.state import compiled, inventory, jsonfile, policy


class Runs:
    """A home whose state changes between runs; `generation` is what the next run sees."""

    def __init__(self, directory: Path) -> None:
        self.paths = Paths(directory / "config.toml", directory / "state", directory / "secrets.json")
        self.state = self.paths.state
        self.configure('[providers.den]\npreset = "ollama"\nurl = "http://den.lan:1"\n')
        self.minute = 0

    def configure(self, text: str) -> None:
        self.paths.config.write_text(text, encoding="utf-8")

    @property
    def generation(self) -> int:
        return int(open_pool(self.paths, env={}).routing["generation"])

    def observe(self, *names: str, error: str = "") -> None:
        """Keep an observation of den, later than all before."""
        self.minute += 1
        at = f"2026-11-21T03:{self.minute:02}:00Z"
        models = tuple(ObservedModel(name=name) for name in names)
        entry = ProviderInventory(
            provider="den",
            attempted_at=at,
            fetched_at=at,
            models=models,
            error=error,
            latency_ms=self.minute,
        )
        inventory.update(self.state, [entry])

    def decide(self, second: int, state: str | None = None, routable: bool | None = None) -> None:
        """Decide about den/m, field by field, as of that second."""

        def lay(policies: dict[str, Policy]) -> dict[str, Policy]:
            before, at = policies.get("den/m", Policy()), f"2026-11-21T03:44:0{second}Z"
            return policies | {"den/m": merged(before, state=state, routable=routable, reason=None, at=at)}

        policy.update(self.state, lay)

    def clear(self, target: str) -> None:
        policy.update(self.state, lambda known: {name: p for name, p in known.items() if name != target})


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_golden_g1(runs: Runs) -> None:
    """G1, with ruling 19 for clearing: new 1; observed 2; the same 2; an error 3; flag 4; routable 5; ...

    The source's "new is 0" is a registry that nobody has looked at, and its first look is 1, models or not.
    Clearing works on what is absent (ruling 19), and is a change where there was something to clear.
    """
    changes: tuple[Callable[[], None], ...] = (
        lambda: runs.observe("m"),
        lambda: runs.observe("m"),
        lambda: runs.observe("m", error="refused"),
        lambda: runs.decide(1, state="flagged"),
        lambda: runs.decide(2, routable=True),
        lambda: runs.decide(2, routable=True),
        lambda: runs.decide(3, routable=True),
        lambda: runs.observe(error="refused"),
        lambda: runs.observe("m", error="refused"),
        lambda: runs.clear("den/nobody"),
    )
    seen = [runs.generation]
    for change in changes:
        change()
        seen.append(runs.generation)
    assert seen == [1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8]
    (found,) = open_pool(runs.paths, env={}).registry.deployments
    assert (found.routable_source, found.policy.state) == ("overlay", "flagged"), "kept while it was away"


def test_what_the_owner_writes_counts_by_its_meaning(runs: Runs) -> None:
    """A comment in the config is no change, and neither is a config elsewhere; a setting is one."""
    text = runs.paths.config.read_text(encoding="utf-8")
    assert runs.generation == 1
    runs.configure("# mine\n" + text)
    assert runs.generation == 1
    runs.configure("local_first = false\n" + text)
    assert runs.generation == 2
    runs.paths = runs.paths._replace(config=runs.paths.config.rename(runs.paths.config.with_name("x.toml")))
    assert runs.generation == 2


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
def test_a_lost_or_broken_document_takes_no_generation_along(
    runs: Runs, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either of the two files tells the other's number."""
    monkeypatch.setattr(jsonfile, "_warning_hooks", [lambda message: None])
    for number in (1, 2, 3):
        runs.observe(*"abc"[:number])
        assert runs.generation == number
    (runs.state / name).write_bytes((runs.state / name).read_bytes()[:100])
    assert open_pool(runs.paths, env={}).listing["generation"] == runs.generation == 3
    (runs.state / name).unlink()
    runs.observe("d")
    assert runs.generation == 4
