"""Completion of names, from one small file of ids; nothing else is read."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ONE_WORD = re.compile(r"[\w@%+=:,./~-]+\Z")  # some shells insert it as it is, so it must be no order


def starting(names: Iterable[str], incomplete: str) -> list[str]:
    """Return those of *names* that what is typed may become."""
    return [name for name in names if name.startswith(incomplete)]


def last_of(names: Iterable[str], incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of *names*."""
    done, comma, last = incomplete.rpartition(",")
    return [done + comma + name for name in starting(names, last)]


def _ids() -> list[str]:
    from llmpool.config.paths import find_paths

    path = Path(find_paths(os.environ).state, "model-ids.txt")
    try:
        return [ref for ref in path.read_text(encoding="utf-8").splitlines() if _ONE_WORD.match(ref)]
    except (OSError, UnicodeDecodeError):
        return []  # nothing to complete from; a completion must never print an error into the prompt


def models(incomplete: str) -> list[str]:
    """Complete deployments and aliases."""
    return starting(_ids(), incomplete)


def providers(incomplete: str) -> list[str]:
    """Complete provider ids."""
    found = dict.fromkeys(ref.partition("/")[0] for ref in _ids() if "/" in ref)
    return starting(found, incomplete)


def targets(incomplete: str) -> list[str]:
    """Complete providers, deployments and aliases."""
    return [*providers(incomplete), *models(incomplete)]


def needs(incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of capabilities."""
    from llmpool.core.deployment import CAPABILITIES

    return last_of(CAPABILITIES, incomplete)


def strategies(incomplete: str) -> list[str]:
    """Complete a strategy."""
    from llmpool.core.config import STRATEGIES

    return starting(STRATEGIES, incomplete)


def modes(incomplete: str) -> list[str]:
    """Complete a mode."""
    from llmpool.core.config import MODES

    return starting(MODES, incomplete)


def groups(incomplete: str) -> list[str]:
    """Complete a group of the config."""
    return starting(_configured("groups"), incomplete)


def budgets(incomplete: str) -> list[str]:
    """Complete a budget of the config."""
    return starting(_configured("budgets"), incomplete)


def key_labels(incomplete: str) -> list[str]:
    """Complete the label of a provider's key; of any provider's, for the shell does not say which."""
    try:
        tables = _config().get("providers", {}).values()
        found = {str(key["label"]) for table in tables for key in table.get("keys", ()) if "label" in key}
    except (AttributeError, TypeError):
        return []  # providers or keys are no tables
    return starting(sorted(filter(_ONE_WORD.match, found)), incomplete)


def logins(incomplete: str) -> list[str]:
    """Complete who may be logged in to: a configured provider, or a vendor whose logins are known."""
    from llmpool.auth.oauth_kinds import KINDS

    names = dict.fromkeys([*_configured("providers"), *KINDS])
    return starting(names, incomplete)


def profiles(incomplete: str) -> list[str]:
    """Complete a profile: those that are built in, and those of the config."""
    from llmpool.router.profiles import BUILT_IN

    names = dict.fromkeys([*BUILT_IN, *_configured("profiles")])
    return starting(names, incomplete)


def _configured(table: str) -> list[str]:
    """Name what a table of the config holds."""
    names = _config().get(table, {})
    return [name for name in names if _ONE_WORD.match(name)] if isinstance(names, dict) else []


def _config() -> dict[str, Any]:
    import tomllib

    from llmpool.config.paths import find_paths

    try:
        return tomllib.loads(find_paths(os.environ).config.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}  # as above: nothing to complete from
