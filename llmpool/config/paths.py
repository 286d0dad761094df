"""Where llmpool's files are: option, then environment variable, then the platform's custom."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llmpool.errors import ConfigInvalid, Misuse, StateUnusable


class Paths(NamedTuple):
    """The three places everything lives in; all absolute, none of them has to exist."""

    config: Path
    state: Path
    secrets: Path


def find_paths(env: Mapping[str, str], config: str | None = None, state: str | None = None) -> Paths:
    """Find the config file, the state directory and the secrets file beside the config.

    Raises ConfigInvalid where a home directory is needed and nobody knows it.
    """
    chosen_config = config or env.get("LLMPOOL_CONFIG")
    chosen_state = state or env.get("LLMPOOL_STATE_DIR")
    file = _absolute(chosen_config, env) if chosen_config else _default_dirs(env)[0] / "config.toml"
    folder = _absolute(chosen_state, env) if chosen_state else _default_dirs(env)[1]
    return Paths(config=file, state=folder, secrets=file.with_name("secrets.json"))


def refuse_own(paths: Paths, target: Path) -> None:
    """Raise Misuse for a file to write that is one of our own: what it holds is nowhere else."""
    file, state = target.expanduser().resolve(), paths.state.resolve()
    if file in (paths.config.resolve(), paths.secrets.resolve()):
        raise Misuse(f"{target} is a file that llmpool works with; nothing was written", hint="name another")
    if file.is_relative_to(state):  # a new one, too: what is there is taken for what a run has written
        raise Misuse(f"{target} is in the state directory; nothing was written", hint=f"not in {state}")


_OWN = "choose one of your own: --state DIR, LLMPOOL_STATE_DIR"


def refuse_shared(state: Path) -> None:
    """Raise where others may change the state: what lies in it says where keys are sent."""
    try:
        seen = state.stat()
    except OSError:
        return  # there is none yet
    if os.name != "posix":
        return  # there the directory's access list protects it
    if os.getuid() and seen.st_uid not in (os.getuid(), 0):
        raise StateUnusable(
            f"the state directory {state} is another user's (uid {seen.st_uid}), so nothing in it is used",
            hint=_OWN,
        )
    if seen.st_mode & 0o002:
        from llmpool.core.word import word

        shared = seen.st_mode & stat.S_ISVTX  # /tmp is to stay as it is
        raise StateUnusable(
            f"everybody may write the state directory {state}, so nothing in it is used",
            hint=_OWN if shared else f"look through it, then: chmod go-w {word(state)}",
        )


def _default_dirs(env: Mapping[str, str]) -> tuple[Path, Path]:
    """Return the platform's directories for config and for state."""
    if sys.platform == "win32":
        return _platform_dirs()
    config, state = _xdg(env, "XDG_CONFIG_HOME"), _xdg(env, "XDG_STATE_HOME")
    if sys.platform == "darwin":
        if config and state:
            return config, state
        custom = _platform_dirs()
        return config or custom[0], state or custom[1]
    home = _home(env) if config is None or state is None else Path()
    return config or home / ".config/llmpool", state or home / ".local/state/llmpool"


def _xdg(env: Mapping[str, str], name: str) -> Path | None:
    """Return our directory under an XDG variable; the standard has relative values ignored."""
    value = env.get(name, "")
    return Path(value, "llmpool") if Path(value).is_absolute() else None


def _platform_dirs() -> tuple[Path, Path]:
    """Ask platformdirs; where it puts both in one directory, a subfolder each keeps them apart."""
    import platformdirs  # twice the price of bare python, so Linux never pays it

    config = platformdirs.user_config_path("llmpool", appauthor=False)
    state = platformdirs.user_state_path("llmpool", appauthor=False)
    return (config / "config", state / "state") if config == state else (config, state)


def _home(env: Mapping[str, str]) -> Path:
    """Return the home directory: `HOME` of *env*, else what the user database says."""
    home = env.get("HOME") or (env.get("USERPROFILE") if sys.platform == "win32" else None)
    return Path(home).absolute() if home else Path(_database_home())


def from_home(path: Path, env: Mapping[str, str]) -> str:
    """Write *path* as a person does: from their home, where it is below that."""
    home = env.get("HOME", "")
    return f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)


def _database_home() -> str:
    if sys.platform == "win32":
        return os.path.expanduser("~")  # noqa: PTH111 - the same call as below
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        msg = "HOME is not set and the user database has no entry for this user"
        raise ConfigInvalid(msg, hint="set HOME, or both LLMPOOL_CONFIG and LLMPOOL_STATE_DIR") from None
    return os.path.expanduser(f"~{name}")  # noqa: PTH111 - with a name it never looks at the real HOME


def _absolute(text: str, env: Mapping[str, str]) -> Path:
    """Make *text* an absolute path; a leading `~` is the home directory of *env*."""
    if text == "~" or text.startswith(("~/", "~" + os.sep)):
        path = _home(env) / text[2:]
    else:
        path = Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises for an unknown ~user
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a symlinked config
