"""Checks of the config: its problems, what surrounds it, and names that lead nowhere."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmpool.budgets import budgets
from llmpool.config.load import MOST_BYTES, load
from llmpool.config.paths import find_paths
from llmpool.core.config import MODES, Budget, Config
from llmpool.core.ids import is_of_key
from llmpool.errors import ConfigInvalid
from llmpool.pool import Pool
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted

AREA = "config"
_EDIT = "llmpool config edit"
_PLACES = ("LLMPOOL_CONFIG", "LLMPOOL_STATE_DIR", "LLMPOOL_TRIAL_LICENSE")


def read(path: Path) -> Config | None:
    """Read the config; None where it has problems, which `problems` tells."""
    try:
        return load(path) if _is_plain(path) else None
    except ConfigInvalid:
        return None


def _is_plain(path: Path) -> bool:
    """Say whether reading the config comes to an end; what is not there at all is an empty one."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def problems(case: Case) -> Iterator[Finding]:
    """List every problem of the config, each with file, line and key."""
    if not _is_plain(case.paths.config):
        fact = f"{case.paths.config} is no plain file"
        yield Finding(ERROR, AREA, case.paths.config.name, fact, "unset LLMPOOL_CONFIG")
        return
    try:
        load(case.paths.config)
    except ConfigInvalid as error:
        for problem in error.details.get("problems", ()):
            yield _problem(case.paths.config, problem, case.env)


def _problem(path: Path, problem: dict[str, Any], env: Mapping[str, str]) -> Finding:
    place = f"{path}:{problem['line']}" if problem["line"] else str(path)
    remedy = problem["suggestion"]
    told = f"{place}: {problem['message']}" + (f"; {remedy}" if remedy else "")
    in_it = problem["line"] or problem["key"]
    return Finding(ERROR, AREA, problem["key"] or path.name, told, _EDIT if in_it else _opening(path, env))


def _opening(path: Path, env: Mapping[str, str]) -> str:
    """Return the command for a config that cannot be read at all."""
    if os.path.isdir(path):  # noqa: PTH112 - the other one raises where it may not look
        return "unset LLMPOOL_CONFIG"
    if _is_too_large(path):
        return _other(path, env)
    shut = path if os.access(path.parent, os.X_OK) else path.parent
    return quoted("chmod", "u+rwX", shut)


def _other(path: Path, env: Mapping[str, str]) -> str:
    """Return the command that has another config read; none where `--config` names this one."""
    if path == find_paths({name: value for name, value in env.items() if name != "LLMPOOL_CONFIG"}).config:
        return quoted("mv", "-n", path, f"{path}.aside")
    return "unset LLMPOOL_CONFIG" if env.get("LLMPOOL_CONFIG") else ""


def _is_too_large(path: Path) -> bool:
    try:
        return path.stat().st_size > MOST_BYTES
    except (OSError, ValueError):
        return False


def of_lines(error: ConfigInvalid) -> Iterator[Finding]:
    """Tell the problems that only show once config and presets are joined: the error has a line for each."""
    for line in error.lines or (error.message,):
        key, colon, fact = line.partition(": ")
        yield Finding(ERROR, AREA, key if colon else "config", fact if colon else line, _EDIT)


def surroundings(case: Case) -> Iterator[Finding]:
    """Look for a config that is not where a variable says, and variables that bind every run."""
    path = case.paths.config
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - the other one raises where it may not look
        yield Finding(ERROR, AREA, path.name, f"{path} is a link to nothing", quoted("ls", "-l", path))
    elif case.env.get("LLMPOOL_CONFIG") and not os.path.lexists(path):
        fact = f"there is no {path}, so there is no config"
        yield Finding(WARNING, AREA, "LLMPOOL_CONFIG", fact, "unset LLMPOOL_CONFIG")
    binding = [name for name in sorted(case.env) if name.startswith("LLMPOOL_") and name not in _PLACES]
    for name in binding if not case.bare else ():
        if case.env[name]:
            fact = "is set, so every run in this shell goes by it"
            yield Finding(NOTE, AREA, name, fact, f"unset {name}")


def names(case: Case) -> Iterator[Finding]:
    """List aliases, defaults, fallbacks and budgets that lead to nothing, or somewhere else."""
    if case.pool is None or case.config is None:
        return
    for name in case.pool.routing["dead"]:
        yield _dead(name, case.config)
    for budget in budgets(case.pool):
        if not _is_over_any(budget, case.pool):
            fact = f"is over {budget.scope}, which nothing is called here, so no call counts in it"
            yield Finding(WARNING, "names", f"budget {budget.name}", fact, _EDIT)
    for model in case.config.models:
        for alias in model.aliases:
            if alias.strip().lower() in MODES:
                fact = f"is a word for the mode: -m {alias} never means {model.id}"
                free = quoted("llmpool", "models", "set", model.id, "--no-alias", alias)
                yield Finding(WARNING, "names", f"alias {alias}", fact, free)


def _is_over_any(budget: Budget, pool: Pool) -> bool:
    """Say whether calls may count in a budget: of a model nobody lists too, where its provider lists none."""
    owner = re.split("[/:]", budget.scope)[0]
    entry = next((each for each in pool.routing["providers"] if each["id"] == owner), None)
    if budget.scope == "*" or entry is None:
        return budget.scope == "*"
    if is_of_key(budget.scope):
        return not entry["keys"] or budget.scope[len(owner) + 1 :] in [key["label"] for key in entry["keys"]]
    ids = [row.id for row in pool.table.rows if row.id.startswith(f"{owner}/")]
    return budget.scope == owner or not ids or budget.scope in ids


def _dead(name: dict[str, str], config: Config) -> Finding:
    """Tell of one name whose model its provider has no more, and how it would name the nearest one."""
    role, target, near = name["role"], name["target"], name["nearest"]
    what = f"alias {name['name']}" if role == "alias" else role
    fact = f"means {target}, which is gone upstream" + (f"; nearest: {near}" if near else "")
    return Finding(WARNING, "names", what, fact, _instead(role, name["name"], near, target, config))


def _instead(role: str, ref: str, near: str, target: str, config: Config) -> str:
    """Return the command that puts the nearest name in the place of a dead one, or takes that out."""
    if role == "alias":
        free = quoted("llmpool", "models", "set", target, "--no-alias", ref)
        return f"{free} && {quoted('llmpool', 'models', 'set', near, '--alias', ref)}" if near else free
    if role == "fallback":
        left = [near if each == ref else each for each in config.routing.fallbacks]
        kept = list(dict.fromkeys(filter(None, left)))
        key = ("llmpool", "config", "set" if kept else "unset", "routing.fallbacks")
        return quoted(*key, *kept)
    return quoted("llmpool", "config", *(("set", role, near) if near else ("unset", role)))
