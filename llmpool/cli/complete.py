"""Completion of names out of the config and the state, never over the network.

Models, which there are many of, come from one small file of ids; nothing else is read for them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmpool.config.paths import Paths

_ONE_WORD = re.compile(r"[\w@%+=:,./~-]+\Z")  # some shells insert it as it is, so it must be no order
_NAME = re.compile(r"(?![-~=%])[\w@%+=:,./~-]+\Z")  # likewise, and taken for no option
_PROVIDER = re.compile(r"^\s*\[\s*providers\s*\.\s*[\"']?([A-Za-z0-9][\w-]*)", re.MULTILINE | re.ASCII)
_VARIABLE = re.compile(r"[A-Z0-9_]*(KEY|TOKEN|SECRET)[A-Z0-9_]*\Z")
_DECISIONS = 50  # that a shell is offered
_MOST = 16 << 20  # characters of a file that is read whole
_BLOCK = 1 << 16  # bytes of the log that are read at a time


def starting(names: Iterable[str], incomplete: str) -> list[str]:
    """Return those of *names* that what is typed may become."""
    return [name for name in names if name.startswith(incomplete)]


def last_of(names: Iterable[str], incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of *names*."""
    done, comma, last = incomplete.rpartition(",")
    return [done + comma + name for name in starting(names, last)]


def is_one_word(text: str) -> bool:
    """Whether every shell takes *text* for one word, and for nothing to be done."""
    return _ONE_WORD.match(text) is not None


def known(paths: Paths) -> tuple[int, int]:
    """Count the providers and the deployments that could be completed."""
    refs = [ref for ref in _refs(paths) if "/" in ref]
    names = {ref.partition("/")[0] for ref in refs} | set(_PROVIDER.findall(_text(paths)))
    return len(names), len(refs)


def _ids() -> list[str]:
    return [ref for ref in _refs(_paths()) if _NAME.match(ref)]


def _refs(paths: Paths) -> list[str]:
    try:
        with (paths.state / "model-ids.txt").open(encoding="utf-8") as file:
            return file.read(_MOST).splitlines()
    except (OSError, UnicodeDecodeError):
        return []  # nothing to complete from; a completion must never print an error into the prompt


def models(incomplete: str) -> list[str]:
    """Complete deployments and aliases."""
    return starting(_ids(), incomplete)


def providers(incomplete: str) -> list[str]:
    """Complete provider ids."""
    found = dict.fromkeys(ref.partition("/")[0] for ref in _ids() if "/" in ref)
    found |= dict.fromkeys(_PROVIDER.findall(_text(_paths())))  # those that have no model, too
    return starting(found, incomplete)


def aliases(incomplete: str) -> list[str]:
    """Complete an alias."""
    return starting((ref for ref in _ids() if "/" not in ref), incomplete)


def model_names(incomplete: str) -> list[str]:
    """Complete the name of a model, wherever it is."""
    return starting(dict.fromkeys(ref.partition("/")[2] for ref in _ids() if "/" in ref), incomplete)


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


def sessions(incomplete: str) -> list[tuple[str, str]]:
    """Complete a kept conversation, the newest first."""
    try:
        with os.scandir(_paths().state / "sessions") as entries:
            kept = {e.name[:-6]: e.stat().st_mtime for e in entries if e.name.endswith(".jsonl")}
    except OSError:
        return []
    names = starting(sorted(filter(_NAME.match, kept), key=lambda name: (-kept[name], name)), incomplete)
    return [(name, time.strftime("%Y-%m-%d %H:%M", time.localtime(kept[name]))) for name in names]


def decisions(incomplete: str) -> list[tuple[str, str]]:
    """Complete the id of a decision, of those that were recorded last, the newest first."""
    from itertools import chain, islice

    from llmpool.state import backwards

    days = sorted((_paths().state / "decisions").glob("*.jsonl"), reverse=True)[:_DECISIONS]
    newest = chain.from_iterable(backwards.lines(path, _BLOCK) for path in days)
    found = filter(None, map(_decision, islice(filter(None, newest), _DECISIONS)))
    return [pair for pair in found if pair[0].startswith(incomplete)]


def _decision(line: bytes) -> tuple[str, str] | None:
    """Tell of a recorded decision when it was made and for whom; None for a line that is torn."""
    import json

    from llmpool.cli.output import ago

    try:
        record = json.loads(line)
        return str(record["id"]), f"{ago(record['at'], time.time())} ago, {record.get('selected') or '-'}"
    except (ValueError, TypeError, KeyError):
        return None


def presets(incomplete: str) -> list[tuple[str, str]]:
    """Complete a known vendor, with its name."""
    from llmpool.config.presets import presets as known

    return [(name, preset.name) for name, preset in known().items() if name.startswith(incomplete)]


def formats(incomplete: str) -> list[str]:
    """Complete a wire format."""
    from llmpool.core.provider import FORMATS

    return starting(FORMATS, incomplete)


def supports(incomplete: str, verdicts: Iterable[str]) -> list[str]:
    """Complete a capability and what is said of it: `tools=yes`."""
    from llmpool.core.deployment import CAPABILITIES

    return starting((f"{can}={word}" for can in CAPABILITIES for word in verdicts), incomplete)


def hints(incomplete: str) -> list[tuple[str, str]]:
    """Complete a hint that the rules of `score` know."""
    from llmpool.router.features import HINTS

    return [(f"{name}=", about) for name, about in HINTS.items() if f"{name}=".startswith(incomplete)]


def variables(incomplete: str) -> list[str]:
    """Complete the name of a variable that is called as those of keys are; what is in it stays there."""
    return starting(sorted(filter(_VARIABLE.match, os.environ)), incomplete)


def periods(incomplete: str) -> list[str]:
    """Complete the period of a budget once its amount is typed: `5/day`."""
    amount, slash, _ = incomplete.partition("/")
    names = (f"{amount}/{period}" for period in ("day", "week", "month", "total"))
    return starting(names, incomplete) if slash else []


def fields(ctx: Any, incomplete: str) -> list[str]:
    """Complete a field of a provider's table or a model's, whichever the command is about."""
    from llmpool.config.schema import MODEL, PROVIDER

    return starting(PROVIDER if "provider" in ctx.params else [*MODEL, "all"], incomplete)


def values(ctx: Any, incomplete: str) -> list[str]:
    """Complete what may stand at a key of the config, where only some words may."""
    from llmpool.config import keypath
    from llmpool.core.config import STRATEGIES

    key = str(ctx.params.get("key") or "")
    if key.rpartition(".")[2] in ("default_model", "recovery_model", "fallbacks"):
        return models(incomplete)
    schema = keypath.read(key).schema
    words = ("true", "false") if schema.get("type") == "boolean" else schema.get("enum", ())
    return starting(STRATEGIES if key == "routing.strategy" else map(str, words), incomplete)


def templates(incomplete: str) -> list[str]:
    """Complete a prompt of the config."""
    return starting(_configured("templates"), incomplete)


def groups(incomplete: str) -> list[str]:
    """Complete a group of the config."""
    return starting(_configured("groups"), incomplete)


def budgets(incomplete: str) -> list[str]:
    """Complete a budget of the config."""
    return starting(_configured("budgets"), incomplete)


def key_labels(ctx: Any, incomplete: str) -> list[str]:
    """Complete the label of a key: of the provider on the line, of any where none is."""
    tables = _config().get("providers", {})
    named = ctx.params.get("provider") if ctx else None
    try:
        chosen = [tables[named]] if isinstance(named, str) and named in tables else tables.values()
        found = {str(key["label"]) for table in chosen for key in table.get("keys", ()) if "label" in key}
    except (AttributeError, TypeError):
        return []  # providers or keys are no tables
    return starting(sorted(filter(_NAME.match, found)), incomplete)


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
    return [name for name in names if _NAME.match(name)] if isinstance(names, dict) else []


def _config() -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(_text(_paths()))
    except ValueError:
        return {}  # nothing to complete from


def _text(paths: Paths) -> str:
    """Read the config as it stands; one that cannot be read has nothing to complete from."""
    try:
        with paths.config.open(encoding="utf-8-sig") as file:
            return file.read(_MOST)
    except (OSError, ValueError):
        return ""


def _paths() -> Paths:
    from llmpool.config.paths import find_paths

    return find_paths(os.environ)
