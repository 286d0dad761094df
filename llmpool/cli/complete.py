"""Completion of names, from one small file of ids; nothing else is read."""

import os
import re
from pathlib import Path

_ONE_WORD = re.compile(
    r"[\w@%+=:,./~-]+\Z"
)  # some shells insert it as it is: it must not be an order to them


def _ids() -> list[str]:
    from llmpool.config.paths import find_paths

    path = Path(find_paths(os.environ).state, "model-ids.txt")
    try:
        return [ref for ref in path.read_text(encoding="utf-8").splitlines() if _ONE_WORD.match(ref)]
    except (OSError, UnicodeDecodeError):
        return []  # nothing to complete from; a completion must never print an error into the prompt


def models(incomplete: str) -> list[str]:
    """Complete deployments and aliases."""
    return [ref for ref in _ids() if ref.startswith(incomplete)]


def providers(incomplete: str) -> list[str]:
    """Complete provider ids."""
    found = dict.fromkeys(ref.partition("/")[0] for ref in _ids() if "/" in ref)
    return [name for name in found if name.startswith(incomplete)]


def targets(incomplete: str) -> list[str]:
    """Complete providers, deployments and aliases."""
    return [*providers(incomplete), *models(incomplete)]


def needs(incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of capabilities."""
    from llmpool.core.deployment import CAPABILITIES

    done, comma, last = incomplete.rpartition(",")
    return [done + comma + name for name in CAPABILITIES if name.startswith(last)]


def strategies(incomplete: str) -> list[str]:
    """Complete a strategy."""
    from llmpool.core.config import STRATEGIES

    return [name for name in STRATEGIES if name.startswith(incomplete)]


def modes(incomplete: str) -> list[str]:
    """Complete a mode."""
    from llmpool.core.config import MODES

    return [name for name in MODES if name.startswith(incomplete)]


def groups(incomplete: str) -> list[str]:
    """Complete a group of the config."""
    return [name for name in _configured("groups") if name.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Complete a profile: those that are built in, and those of the config."""
    from llmpool.router.profiles import BUILT_IN

    names = dict.fromkeys([*BUILT_IN, *_configured("profiles")])
    return [name for name in names if name.startswith(incomplete)]


def _configured(table: str) -> list[str]:
    """Name what a table of the config holds."""
    import tomllib

    from llmpool.config.paths import find_paths

    try:
        text = find_paths(os.environ).config.read_text(encoding="utf-8-sig")
        names = tomllib.loads(text).get(table, {})
    except (OSError, ValueError):
        return []  # as above: nothing to complete from
    return [name for name in names if _ONE_WORD.match(name)] if isinstance(names, dict) else []
