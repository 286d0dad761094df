"""Write the owner's config: under a lock, atomically, and never a file that would not load again."""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmpool.core.config import Config
from llmpool.core.times import rfc3339
from llmpool.errors import ConfigInvalid, StateUnusable
from llmpool.pool import Pool
from llmpool.state import jsonfile
from llmpool.state.lock import locked, unusable

_HINT = "make it readable and writable for this user, or name another: LLMPOOL_CONFIG or --config"


def change(
    pool: Pool, edit: Callable[[str], str], *, paste: tuple[str, ...] = (), backup: bool = False
) -> Path | None:
    """Apply *edit* to the config's text; the result is parsed before it replaces anything.

    Raises ConfigInvalid when the result would not load, StateUnusable with the text to paste when the file
    cannot be read or written: *paste* where the caller knows better than the difference of the texts. A link
    is followed, as a config kept in a dotfiles repository often is one; the file keeps mode and owner. With
    *backup* what stood there is kept beside it; returns where. What an edit needs is loaded before
    the lock is taken, and nothing is done twice: under many edits at once that would cost more than it saves.
    """
    from llmpool.config import load  # noqa: F401
    from llmpool.config.presets import presets
    from llmpool.registry import catalog  # noqa: F401

    path, kept = pool.paths.config, None
    presets()
    try:
        with locked(pool.paths.state / "config"):
            before, mode = _read(path)
            after = edit(before)
            if after != before:
                check(pool, after)
                kept = _keep(pool, path, before, mode) if backup and before else None
                _write(path, after, mode)
    except StateUnusable as error:
        named = () if str(path) in error.message else (f"{path} is as it was",)
        error.lines = (*named, *(paste or _to_paste(path, edit)))
        raise
    pool.forget()
    return kept


def read(pool: Pool) -> str:
    """Return the config's text as it is now; empty when there is none."""
    return _read(pool.paths.config)[0]


def tree(text: str) -> dict[str, Any]:
    """Return what the config's text says, amounts of money to the digit; raises ValueError for no TOML."""
    return tomllib.loads(text, parse_float=Decimal)


def problems(pool: Pool, text: str) -> ConfigInvalid | None:
    """Return what is wrong with *text* as the config; None when it would load."""
    try:
        check(pool, text)
    except ConfigInvalid as error:
        return error
    return None


def _keep(pool: Pool, path: Path, text: str, mode: int) -> Path:
    """Write what the config was beside it, under a name that says when."""
    moment = rfc3339(pool.clock())[:19].replace(":", "").replace("-", "")
    name, number = f"{path.name}.bak-{moment}Z", 1
    while (place := _real(path).with_name(name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    _put(place, text, mode, _owner(path))
    return place


def _read(path: Path) -> tuple[str, int]:
    """Return the config's text and mode; those of a new file when there is none."""
    from llmpool.config.load import check_size

    try:
        real = _real(path)
        check_size(real)
        content = real.read_bytes()
        mode = stat.S_IMODE(real.stat().st_mode)
    except FileNotFoundError:
        return "", 0o600
    except OSError as error:
        raise StateUnusable(unusable(path, error, "read").message, hint=_HINT) from error
    try:
        return content.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path} is not UTF-8", hint="save the file as UTF-8") from error


def _write(path: Path, text: str, mode: int) -> None:
    try:
        _put(_real(path), text, mode, _owner(path))
    except StateUnusable as error:
        error.hint = _HINT
        raise


def _put(path: Path, text: str, mode: int, owner: tuple[int, int] | None) -> None:
    """Write a file, and give it to its owner as far as this user may give files away."""
    jsonfile.write_atomic(path, text.encode(), mode=mode)
    if sys.platform != "win32" and owner and owner != (os.geteuid(), os.getegid()):
        for names in ((-1, owner[1]), (owner[0], -1)):
            with suppress(OSError):
                os.chown(path, *names)


def _owner(path: Path) -> tuple[int, int] | None:
    """Return whose the config is: after an edit by root, as under sudo, it is that user's still."""
    with suppress(OSError):
        seen = path.stat()
        return seen.st_uid, seen.st_gid
    return None


def _real(path: Path) -> Path:
    """Return the file that *path* means, which need not exist."""
    try:
        return path.resolve()
    except RuntimeError as error:  # links in a circle, before Python 3.13
        raise OSError(None, "links in a circle", str(path)) from error


def check(pool: Pool, text: str) -> None:
    """Load *text* as the config would be, problems and all; raises ConfigInvalid."""
    from llmpool.config.presets import presets
    from llmpool.registry.catalog import build_catalog

    build_catalog(parsed(pool, text), presets())


def parsed(pool: Pool, text: str) -> Config:
    """Read *text* as the config: an edit goes by what is there now, which others may have changed."""
    from llmpool.config.load import loads

    return loads(text, pool.paths.config)


def _to_paste(path: Path, edit: Callable[[str], str]) -> tuple[str, ...]:
    """Return what a person puts into the config by hand: what is new, or all of it where lines change."""
    try:
        before, _ = _read(path)
    except StateUnusable:
        before = ""
    after = edit(before)
    added = after.removeprefix(before).strip()
    if not added:
        return ()
    place = "into it yourself" if after.startswith(before) else "in its place yourself"
    return (f"paste this {place}:", *added.splitlines())
