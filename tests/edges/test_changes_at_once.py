"""Two commands that change one list of the config at once: what both have acknowledged is there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from llmpool.config.paths import find_paths
from llmpool.pool import Pool
from llmpool.setup import declare, groups, provider_edit
from llmpool.setup.provider_edit import Lists

CONFIG = """\
[providers.den]
url = "http://127.0.0.1:9/v1"
allowed_models = ["a"]

[[models]]
id = "den/a"
aliases = ["one", "two", "three"]

[groups.family]
models = ["a"]
"""


def two(folder: Path) -> tuple[Pool, Pool]:
    """Give two runs that have both read the config before either changes it."""
    config = folder / "config.toml"
    config.write_text(CONFIG)
    pools = [Pool(find_paths({}, str(config), str(folder / name)), {}, lambda: 1.8e9) for name in ("a", "b")]
    for pool in pools:
        _ = pool.table, pool.catalog
    return pools[0], pools[1]


def written(pool: Pool) -> dict[str, Any]:
    """Read the config as it is."""
    return tomllib.loads(pool.paths.config.read_text())


def test_members_of_a_group(tmp_path: Path) -> None:
    """Each adds its own, and neither takes out what the other has added."""
    for pool, model in zip(two(tmp_path), ("b", "c"), strict=True):
        groups.save(pool, "family", groups.Wish(), groups.Wish(more=(model,)))
    assert written(pool)["groups"]["family"]["models"] == ["a", "b", "c"]


def test_a_group_that_both_make(tmp_path: Path) -> None:
    """The second finds the group that the first has made."""
    for pool, model in zip(two(tmp_path), ("b", "c"), strict=True):
        groups.save(pool, "work", groups.Wish(), groups.Wish(more=(model,)))
    assert written(pool)["groups"]["work"]["models"] == ["b", "c"]


def test_the_allow_list_of_a_provider(tmp_path: Path) -> None:
    """Each allows its own, and says only what it has changed itself."""
    for pool, model in zip(two(tmp_path), ("b", "c"), strict=True):
        done = provider_edit.change(pool, "den", provider_edit.Wish(lists=Lists(allow=(model,))))
    assert written(pool)["providers"]["den"]["allowed_models"] == ["a", "b", "c"]
    assert [line for line in done.difference if line.startswith(("+a", "-a"))] == [
        '-allowed_models = ["a", "b"]',
        '+allowed_models = ["a", "b", "c"]',
    ]


def test_the_aliases_of_a_model(tmp_path: Path) -> None:
    """Each takes one away, and none comes back."""
    for pool, alias in zip(two(tmp_path), ("one", "two"), strict=True):
        declare.declare(pool, "den/a", {}, no_alias=[alias])
    assert written(pool)["models"][0]["aliases"] == ["three"]
