"""Write the owner's config: under a lock, atomically, and never a file that would not load again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llmpool.errors import StateUnusable
from llmpool.pool import Pool
from llmpool.state import jsonfile
from llmpool.state.lock import locked


def change(pool: Pool, edit: Callable[[str], str]) -> None:
    """Apply *edit* to the config's text; the result is parsed before it replaces anything.

    Raises ConfigInvalid when the result would not load, StateUnusable with the text to paste when the file
    cannot be written.
    """
    path = pool.paths.config
    real = path.resolve()  # a config kept in a dotfiles repository is often a link; write where it points
    pool.paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(pool.paths.state / "config"):
        before = real.read_text(encoding="utf-8") if real.exists() else ""
        after = edit(before)
        if after == before:
            return
        _check(pool, after)
        try:
            jsonfile.write_atomic(real, after.encode())
        except StateUnusable as error:
            added = after.removeprefix(before)
            error.lines = ("paste this into it yourself:", *added.strip().splitlines())
            raise
    pool.forget()


def _check(pool: Pool, text: str) -> None:
    """Load the new text as the config would be, problems and all."""
    import tempfile

    from llmpool.config.load import load
    from llmpool.config.presets import presets
    from llmpool.registry.catalog import build_catalog

    with tempfile.TemporaryDirectory(dir=pool.paths.state) as folder:
        trial = Path(folder, "config.toml")
        trial.write_text(text, encoding="utf-8")
        build_catalog(load(trial), presets())
