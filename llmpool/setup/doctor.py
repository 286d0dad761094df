"""What is wrong, and the command that mends it: every check of `llmpool doctor`; none changes anything.

State files are read from copies (`doctor_copy`), so that neither quarantine nor compiling touches the state
directory. A check that fails itself is a finding; the others go on.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from llmpool import __version__
from llmpool.config.paths import Paths
from llmpool.errors import ConfigInvalid, LlmpoolError
from llmpool.setup import (
    doctor_config,
    doctor_cron,
    doctor_disk,
    doctor_install,
    doctor_keys,
    doctor_pool,
    doctor_reach,
    doctor_running,
    doctor_state,
)
from llmpool.setup.doctor_case import ERROR, SEVERITIES, WARNING, Case, Finding, in_order, runnable
from llmpool.setup.doctor_copy import copied, fault_of

Check = Callable[[Case], Iterable[Finding]]
Progress = Callable[[str], None]
OFFLINE, NO_POOL, NO_STATE = "--offline", "mend the config first", "mend the state directory first"
_POOL, _STATE = 1, 2

# In the order they are told, each with what it needs: a config that can be read, a state directory that can.
_CHECKS: tuple[tuple[str, Check, int], ...] = (
    ("config", doctor_config.problems, 0),
    ("config", doctor_config.surroundings, 0),
    ("files", doctor_disk.permissions, 0),
    ("disk", doctor_disk.space, 0),
    ("state", doctor_state.set_aside, _STATE),
    ("logs", doctor_state.bad_lines, _STATE),
    ("clock", doctor_state.clock, _STATE),
    ("providers", doctor_pool.providers, _POOL | _STATE),
    ("connections", doctor_pool.connections, _POOL),
    ("formats", doctor_pool.formats, _POOL | _STATE),
    ("names", doctor_config.names, _POOL | _STATE),
    ("rests", doctor_pool.rests, _POOL | _STATE),
    ("locks", doctor_running.locks, _STATE),
    ("downloads", doctor_running.downloads, _POOL | _STATE),
    ("embedded", doctor_running.embedded, _POOL | _STATE),
    ("install", doctor_install.install, 0),
)


class Examination(NamedTuple):
    """What was found, the areas that were looked at, and those that were not, each with the reason."""

    findings: list[Finding]
    checked: list[str]
    skipped: list[tuple[str, str]]

    @property
    def counts(self) -> dict[str, int]:
        """Count the findings of each severity."""
        return {word: sum(f.severity == word for f in self.findings) for word in SEVERITIES}

    def as_json(self) -> dict[str, Any]:
        """Write the examination as `--json` shows it."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "checked": self.checked,
            "skipped": [{"area": area, "reason": reason} for area, reason in self.skipped],
            "program": {"version": __version__, "python": platform.python_version()},
            "counts": {f"{word}s": number for word, number in self.counts.items()},
        }


def _silent(_text: str) -> None:
    """Tell nobody."""


def examine(
    paths: Paths,
    env: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.time,
    offline: bool = False,
    cron: str = "",
    progress: Progress = _silent,
) -> Examination:
    """Look at everything, and raise for nothing that is found; *cron* is a crontab line: ask as there."""
    case = Case(paths, env, clock(), bare=bool(cron))
    findings: list[Finding] = []
    skipped: list[tuple[str, str]] = []
    with ExitStack() as stack:
        case = _opened(case, stack, findings, clock)
        case = _keys(case, findings, skipped, progress)
        case = _reached(case, findings, skipped, progress, offline=offline)
        progress("looking at files")
        readable = _is_readable(paths)
        for area, check, needs in _CHECKS:
            if needs & _STATE and not readable:
                skipped.append((area, NO_STATE))
            elif needs & _POOL and case.pool is None:
                skipped.append((area, NO_POOL))
            else:
                findings += guarded(area, check, case)
        if cron:
            findings += guarded("cron", lambda each: doctor_cron.crontab(each, cron), case)
    left_out = dict(skipped)
    areas = dict.fromkeys(
        ["keys", "reachability", *(area for area, _, _ in _CHECKS), *(["cron"] if cron else [])]
    )
    return Examination(in_order(findings), [a for a in areas if a not in left_out], list(left_out.items()))


def _is_readable(paths: Paths) -> bool:
    """Say whether the state directory can be read; one that is not there yet is empty."""
    return not os.path.lexists(paths.state) or (
        paths.state.is_dir() and os.access(paths.state, os.R_OK | os.X_OK)
    )


def guarded(area: str, check: Check, case: Case) -> Iterator[Finding]:
    """Yield what a check finds; that it fails itself is one more finding."""
    try:
        yield from check(case)
    except ConfigInvalid as error:
        yield from doctor_config.of_lines(error)
    except LlmpoolError as error:
        yield Finding(WARNING, area, area, f"this cannot be checked: {error.message}", runnable(error.hint))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fact = f"this cannot be checked: {place}{error.strerror or type(error).__name__}"
        yield Finding(WARNING, area, area, fact)
    except Exception as error:  # noqa: BLE001 - a doctor who falls ill of what it looks at helps nobody
        fact = f"the check itself failed ({type(error).__name__}), which is a bug of llmpool"
        yield Finding(WARNING, area, area, fact)


def _opened(case: Case, stack: ExitStack, findings: list[Finding], clock: Callable[[], float]) -> Case:
    """Read config and copies of the state; what cannot be read is left out of the case, and told."""
    from llmpool.pool import Pool

    case = case._replace(config=doctor_config.read(case.paths.config))
    try:
        copy, faults, heard = stack.enter_context(copied(case.paths.state))
    except OSError as error:
        fact = f"there is no place to read copies of the state in: {error.strerror}"
        findings.append(Finding(ERROR, "disk", "temporary files", fact, "export TMPDIR=$HOME"))
        return case
    findings += doctor_state.faults(case, faults)
    stack.callback(
        lambda: findings.extend(doctor_state.faults(case, (fault_of(copy, told) for told in heard)))
    )
    if case.config is None:
        return case
    pool = Pool(case.paths._replace(state=copy), case.env, clock)  # offline, all would be left out
    opened = list(guarded("state", lambda _case: _read_all(pool), case))
    findings += opened
    return case if opened else case._replace(pool=pool)


def _read_all(pool: Any) -> Iterator[Finding]:
    """Read everything once, here rather than in threads; finds nothing itself."""
    _ = pool.routing, pool.table, pool.health, pool.memories
    return iter(())


def _keys(case: Case, findings: list[Finding], skipped: list[tuple[str, str]], progress: Progress) -> Case:
    """Look whether keys can be had; who has none need not be asked for more."""
    if case.pool is None:
        skipped.append(("keys", NO_POOL))
        return case
    progress("looking for keys")
    keyless: set[str] = set()
    findings += guarded("keys", lambda each: doctor_keys.keys(each, keyless), case)
    return case._replace(keyless=frozenset(keyless))


def _reached(
    case: Case, findings: list[Finding], skipped: list[tuple[str, str]], progress: Progress, *, offline: bool
) -> Case:
    """Ask the providers, the one part that uses the network."""
    if offline or case.pool is None:
        skipped.append(("reachability", OFFLINE if offline else NO_POOL))
        return case
    heard: dict[str, Any] = {}
    findings += guarded("reachability", lambda each: doctor_reach.ask(each, heard, progress), case)
    return case._replace(reached=heard)
