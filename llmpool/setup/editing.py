"""The owner's editor on a copy of the config: what does not load is never put in force, and never lost."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from llmpool.auth.program import for_others
from llmpool.core.ids import short_id
from llmpool.errors import Busy, ConfigInvalid, Misuse, StateUnusable
from llmpool.pool import Pool
from llmpool.setup import configfile
from llmpool.setup.init import HEADER, TASTES
from llmpool.state import jsonfile
from llmpool.state.lock import unusable

_COMMON = ("notepad",) if sys.platform == "win32" else ("editor", "nano", "vi")
_HINT = "set VISUAL or EDITOR to yours, as in: EDITOR=nano llmpool config edit"


def editor(env: Mapping[str, str]) -> list[str]:
    """Return the command of the owner's editor: $VISUAL, $EDITOR, or one that is there."""
    for name in ("VISUAL", "EDITOR"):
        if env.get(name, "").strip():
            return _words(env[name], name)
    found = next((name for name in _COMMON if shutil.which(name)), "")
    if not found:
        raise Misuse("no editor is known", hint=_HINT)
    return [found]


class _Copy(NamedTuple):
    """The file that the editor works on, the text it began with, and the file which that came from."""

    path: Path
    begun: str
    source: str

    @property
    def touched(self) -> bool:
        """Whether it holds anything that is nowhere else."""
        try:
            return self.path.read_bytes() != self.begun.encode()
        except OSError:
            return False

    @property
    def kept(self) -> str:
        """Where its text is found again: here, or still where it came from."""
        return str(self.path) if self.touched or not self.source else self.source

    def drop(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)


def edit(
    pool: Pool,
    command: list[str],
    *,
    again: Callable[[ConfigInvalid], bool],
    broken_off: Callable[[str], None],
    source: str = "",
) -> bool:
    """Let the owner edit a copy, and put it in force when it loads; False when nothing was changed.

    *again* is asked after a text with mistakes. Whatever goes wrong, a text that was touched stays in a file
    that the error names, or that *broken_off* is told where a signal ends it; *source* is such a file. A
    config that changed meanwhile is not written over.
    """
    before = configfile.read(pool)
    begun = _text(Path(source)) if source else before or HEADER.replace("@defaults@", TASTES["mine"][1])
    copy = _Copy(pool.paths.state / f"config-{short_id('edit')}.toml", begun, source)
    jsonfile.write_atomic(copy.path, begun.encode())
    try:
        return _edited(pool, command, copy, before, again)
    except (KeyboardInterrupt, SystemExit):
        if copy.touched:
            broken_off(copy.kept)
        raise
    finally:
        if not copy.touched:
            copy.drop()


def _edited(
    pool: Pool, command: list[str], copy: _Copy, before: str, again: Callable[[ConfigInvalid], bool]
) -> bool:
    """Run the editor on the copy, and write what came of it; False when that is what was there before."""
    text = _until_it_loads(pool, command, copy, again)
    if text != before and (text != copy.begun or copy.source):
        _put_in_force(pool, text, copy, before)
        copy.drop()
        return True
    copy.drop()
    return False


def _put_in_force(pool: Pool, text: str, copy: _Copy, before: str) -> None:
    def replace(now: str) -> str:
        if now != before:
            raise Busy(
                "the config has changed meanwhile",
                hint=f"compare them, then: llmpool config edit --from {copy.kept}",
            )
        return text

    kept = f"your text is kept in {copy.kept}"
    try:
        configfile.change(pool, replace, paste=(kept,))
    except Busy as error:
        error.lines = (kept,)
        raise


def _until_it_loads(
    pool: Pool, command: list[str], copy: _Copy, again: Callable[[ConfigInvalid], bool]
) -> str:
    """Run the editor until the text loads, or the owner has had enough."""
    while True:
        _run(command, copy)
        text = _text(copy.path)
        problem = configfile.problems(pool, text)
        if problem is None:
            return text
        if not again(problem):
            raise _given_up(pool, problem, copy)


def _given_up(pool: Pool, problem: ConfigInvalid, copy: _Copy) -> ConfigInvalid:
    """Build the error of a text that does not load; it is kept, unless it is the config as it was."""
    kept = copy.touched or copy.source
    return ConfigInvalid(
        f"nothing was changed: {problem.message.replace(pool.paths.config.name, 'the text', 1)}",
        lines=(*problem.lines, *([f"it is kept in {copy.kept}"] if kept else [])),
        hint=f"go on with it: llmpool config edit --from {copy.kept}" if kept else "llmpool config edit",
        details=problem.details | ({"kept": copy.kept} if kept else {}),
    )


def _run(command: list[str], copy: _Copy) -> None:
    """Run the editor to its end. Ctrl-C is the editor's alone meanwhile."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run([*command, str(copy.path)], env=for_others(os.environ), check=False).returncode
    except OSError as error:
        raise Misuse(f"{command[0]} cannot be run: {error.strerror}", hint=_HINT) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if code:
        kept = f"what it wrote is kept: llmpool config edit --from {copy.kept}"
        raise Misuse(
            f"{Path(command[0]).name} ended with {code}, so nothing was changed",
            hint=kept if copy.touched else _HINT,
        )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{path} is not UTF-8", hint="save the file as UTF-8") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> StateUnusable | Misuse:
    if isinstance(error, FileNotFoundError):
        return Misuse(f"there is no {path}; nothing was changed", hint="llmpool config edit")
    return unusable(path, error, "read")


def _words(command: str, name: str) -> list[str]:
    """Split a command as a shell would; a path with spaces that exists is one word."""
    if os.path.exists(command):  # noqa: PTH110 - the text may be no path at all
        return [command]
    try:
        return shlex.split(command)
    except ValueError:
        raise Misuse(f"{name} has an open quote", hint=_HINT) from None
