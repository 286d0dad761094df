"""Checks of what is different in cron: where the files are found, proxies, and the line that works."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from llmpool.config.paths import find_paths
from llmpool.errors import ConfigInvalid
from llmpool.setup.doctor_ask import cron_environment, is_bare
from llmpool.setup.doctor_case import NOTE, WARNING, Case, Finding, quoted

AREA = "cron"
PROGRAM = "$HOME/.local/bin/llmpool"  # as the examples have it
EDIT = "crontab -e"
_HANDED_ON = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def crontab(case: Case, line: str) -> Iterator[Finding]:
    """Tell the line that works for this program and these files, and what of this shell cron lacks."""
    variables = _variables(case)
    program = found_program(case)
    schedule, _, command = line.partition(PROGRAM)
    set_first = "".join(f"{each} " for each in variables)
    works = f"{schedule}{set_first}{program}{command}".replace("%", "\\%")  # which ends a line in a crontab
    yield Finding(NOTE, AREA, "crontab", f"a line that works: {works}", EDIT)
    if variables:
        fact = f"cron would look elsewhere for config and state: the line needs {' '.join(variables)}"
        yield Finding(NOTE, AREA, "files", fact, EDIT)
    yield from _proxies(case)


def found_program(case: Case) -> str:
    """Return the full path of llmpool, as a crontab needs it; through Python where there is no script."""
    beside = Path(sys.executable).with_name("llmpool")
    found = shutil.which("llmpool", path=case.env.get("PATH")) or (str(beside) if beside.exists() else "")
    return quoted(found) if found else f"{quoted(sys.executable)} -m llmpool"


def _variables(case: Case) -> list[str]:
    """List what a line must set for cron to find the same files."""
    try:
        there = find_paths(cron_environment(case.env))
    except ConfigInvalid:
        there = None
    named = [("LLMPOOL_CONFIG", case.paths.config, there and there.config)]
    named += [("LLMPOOL_STATE_DIR", case.paths.state, there and there.state)]
    return [f"{name}={quoted(here)}" for name, here, other in named if here != other]


def _proxies(case: Case) -> Iterator[Finding]:
    """Name the variables that calls to the cloud need here; their values may hold passwords."""
    if is_bare(case.env) or case.pool is None:
        return
    clouds = any(
        entry["location"] == "cloud" and entry["enabled"] for entry in case.pool.routing["providers"]
    )
    names = [name for name in (*_HANDED_ON, *_TRUST) if case.env.get(name)]
    if clouds and names:
        fact = f"{' and '.join(names[:2])} {'is' if len(names) == 1 else 'are'} set here, but not in cron; "
        fact += f"if providers are reached through it, the crontab needs a line {names[0]}=..."
        yield Finding(WARNING, AREA, "proxy", fact, EDIT)
