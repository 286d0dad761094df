"""Checks of what is kept: files that are corrupt, newer, or set aside; bad lines; records from the future."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any

from llmpool.core.times import rfc3339
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted
from llmpool.setup.doctor_copy import Fault
from llmpool.state import backwards, inventory, jsonl, ledger

AREA = "state"
PRECIOUS = ("policy.json", "budgets.json", "trial.json", "accounts.json")
MADE_ANEW = (
    *("inventory.json", "health.json", "formats.json", "catalog.json", "downloads.json", "limits.json"),
    *("keys.json", "account-status.json", "price-book.json", "registry.json", "routing.json", "costs.json"),
    *("tokens.json", "account-quotas.json", "history.json"),
)
LOGS = (ledger.USAGE, ledger.DECISIONS)
NEWEST, MOST_LINES = 7, 20_000  # days or sessions, and lines of all of them
AHEAD = 120.0  # seconds that clocks of one network may differ
_SANE = 1_700_000_000.0  # a clock before 2023-11 was never set
_OBSERVED_BY = {"inventory.json": "llmpool refresh", "catalog.json": "llmpool refresh --catalog"}


def faults(case: Case, found: Iterable[Fault]) -> Iterator[Finding]:
    """Tell what is wrong with state files, and what the next command will do about it."""
    for fault in found:
        path = case.paths.state / fault.name
        if fault.newer:
            fact = f"was written by a newer llmpool: it is of {fault.reason}"
            yield Finding(ERROR, AREA, fault.name, fact, "pip install --upgrade llmpool")
        elif fault.precious:
            fact = (
                f"is corrupt ({fault.reason}): what needs it ends with 10 until a good copy is in its place; "
                "without one, what it decided is lost"
            )
            yield Finding(ERROR, AREA, fault.name, fact, quoted("mv", path, f"{path}.bad"))
        else:
            fact = f"is corrupt ({fault.reason}); the next command sets it aside and goes on without it"
            mend = _OBSERVED_BY.get(fault.name) or quoted("mv", path, f"{path}.bad")
            yield Finding(WARNING, AREA, fault.name, fact, mend)


def set_aside(case: Case) -> Iterator[Finding]:
    """Tell what was set aside before: decisions that are waited for, and observations nobody needs."""
    groups: dict[str, list[Path]] = {}
    for folder in (case.paths.state, case.paths.secrets.parent):
        for path in sorted(folder.glob("*.corrupt-*")):
            groups.setdefault(path.name.partition(".corrupt-")[0], []).append(path)
    for name, paths in groups.items():
        yield _aside(name, paths)


def _aside(name: str, paths: list[Path]) -> Finding:
    newest = paths[-1]
    waits = name in (*PRECIOUS, "secrets.json") and not newest.with_name(name).exists()
    if waits:
        fact = (
            f"was corrupt and is set aside as {newest.name}; what needs it ends with 10 until a "
            f"good copy is there as {name}, or what was set aside is moved away to go on without"
        )
        away = [quoted("mv", path, path.with_name(path.name.replace(".corrupt-", ".bad-"))) for path in paths]
        return Finding(ERROR, AREA, name, fact, " && ".join(away))
    older = f", and {len(paths) - 1} before that" if len(paths) > 1 else ""
    rest = "made anew since, it may be deleted" if name in MADE_ANEW else "it may hold what you had set"
    fact = f"was corrupt and was set aside as {newest.name}{older}; nothing reads that: {rest}"
    return Finding(NOTE, AREA, name, fact, quoted("rm", "--", *paths))


def bad_lines(case: Case) -> Iterator[Finding]:
    """Count the lines of the newest days that are no records; a crash leaves one, a failing disk more."""
    for kind in LOGS:
        days = islice(jsonl.iter_days(case.paths.state / kind, newest_first=True), NEWEST)
        yield from _skipped(kind, days, ledger.is_dated)
    sessions = sorted((case.paths.state / "sessions").glob("*.jsonl"), key=lambda path: -path.stat().st_mtime)
    yield from _skipped("sessions", sessions[:NEWEST], lambda record: "text" in record)


def _skipped(kind: str, files: Iterable[Path], is_one: Callable[[dict[str, Any]], bool]) -> Iterator[Finding]:
    """Tell how many lines of *files* are skipped by whoever reads them; only so many are looked at."""
    bad: dict[Path, int] = {}
    left = MOST_LINES
    for path in files:
        lines = list(islice(backwards.lines(path), left)) if path.is_file() else []
        left -= len(lines)
        if count := sum(not _is_record(line, is_one) for line in lines if line.strip()):
            bad[path] = count
    if bad:
        total, first = sum(bad.values()), next(iter(bad))
        fact = f"{total} {'line is no record' if total == 1 else 'lines are no records'} ({first.name}"
        fact += f" and {len(bad) - 1} more)" if len(bad) > 1 else ")"
        look = quoted("grep", "-vn", "^{.*}$", first)
        yield Finding(NOTE, "logs", kind, f"{fact}; what was on them is lost, whoever reads skips them", look)


def _is_record(line: bytes, is_one: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and is_one(record)


def clock(case: Case) -> Iterator[Finding]:
    """Look for what lies in the future: the clock was set back, or was wrong when that was written."""
    if case.now < _SANE:
        fact = f"it is {rfc3339(case.now)} by this machine's clock: cooldowns, budgets and days go wrong"
        yield Finding(ERROR, "clock", "clock", fact, _SET)
        return
    ahead = list(_ahead(case))
    if ahead:
        name, at = max(ahead, key=lambda each: each[1])
        others = f" and {len(ahead) - 1} more lie" if len(ahead) > 1 else " lies"
        fact = f"{name} ({rfc3339(at)}){others} in the future: the clock was set back, or was wrong then"
        yield Finding(WARNING, "clock", "clock", fact, _SET)
    if case.pool is not None:
        yield from _observed_later(case)


def _ahead(case: Case) -> Iterator[tuple[str, float]]:
    """Yield files of the state that were written later than now, and logs of days to come."""
    limit, state = case.now + AHEAD, case.paths.state
    for path in sorted(state.glob("*.json")):
        written = path.stat().st_mtime
        if written > limit:
            yield path.name, written
    for kind in LOGS:
        newest = next(jsonl.iter_days(state / kind, newest_first=True), None)
        at = _newest_record(newest) if newest else 0.0
        if newest and at > limit:
            yield f"{kind}/{newest.name}", at


def _newest_record(path: Path) -> float:
    """Return the time in the last readable line of a log."""
    for line in islice(backwards.lines(path), 100):
        if _is_record(line, ledger.is_dated):
            return _epoch(json.loads(line)["at"])
    return 0.0


def _observed_later(case: Case) -> Iterator[Finding]:
    """Find observations from the future: how old they are is not known before the next refresh."""
    assert case.pool is not None  # noqa: S101 - the caller looked
    seen = case.pool.inventory.providers
    later = [name for name, entry in seen.items() if _epoch(entry.attempted_at) > case.now + AHEAD]
    if later:
        at = max(seen[name].attempted_at for name in later)
        fact = f"{', '.join(sorted(later))}: observed {at}, in the future; nobody knows how old that is"
        yield Finding(WARNING, "clock", inventory.NAME, fact, "llmpool refresh")


def _epoch(at: str) -> float:
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


_SET = "sudo timedatectl set-ntp true" if which("timedatectl") else "date -u"
