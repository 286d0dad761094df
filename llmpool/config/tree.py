"""A parsed config as a tree: what stands at a path, in which a model is named by its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmpool.config.scan import KeyPath


def at(tree: Any, place: Sequence[str | int]) -> Any:
    """Return what stands at *place*, None for nothing."""
    for key in place:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def place_of(tree: dict[str, Any], path: KeyPath) -> KeyPath:
    """Return *path* with the number of the model it names; as it is where there is none of that id."""
    if path[0] != "models" or len(path) < 2:
        return path
    index = model_index(tree, path[1])
    return path if index is None else ("models", index, *path[2:])


def model_index(tree: dict[str, Any], ref: str | int) -> int | None:
    """Return which of the `[[models]]` has this id; a config that does not load may have anything there."""
    models = tree.get("models")
    for index, table in enumerate(models if isinstance(models, list) else ()):
        if isinstance(table, dict) and table.get("id") == ref:
            return index
    return None
