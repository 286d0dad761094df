"""What a doctor looks at, and what it says: findings, each with the command that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmpool.config.paths import Paths
from llmpool.core.text import one_line

if TYPE_CHECKING:
    from llmpool.core.config import Config
    from llmpool.core.inventory import ProviderInventory
    from llmpool.pool import Pool

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
_RUNNABLE = re.compile(r"llmpool [^,;]*?(?=$|[,;]| {2,}| shows\b| tells\b| goes on\b| has\b)")


class Finding(NamedTuple):
    """One thing that is wrong, or worth knowing: in which *area*, of *what*, and the *command* that mends it.

    An error keeps something from working, a warning may, a note does not.
    """

    severity: str
    area: str
    what: str
    message: str
    command: str = ""

    def as_json(self) -> dict[str, str]:
        """Write the finding as `--json` shows it; the command only where there is one."""
        return {name: value for name, value in self._asdict().items() if value or name != "command"}


class Case(NamedTuple):
    """Everything the checks look at. *config* and *pool* are None where they cannot be read.

    *pool* reads copies of the state files, so that nothing in the state directory changes; *reached* is what
    the providers said now, by id, None where nobody was asked; *bare* asks as in cron; *keyless* are the
    providers whose keys cannot be had.
    """

    paths: Paths
    env: Mapping[str, str]
    now: float
    config: Config | None = None
    pool: Pool | None = None
    reached: Mapping[str, ProviderInventory] | None = None
    bare: bool = False
    keyless: frozenset[str] = frozenset()


def runnable(hint: str) -> str:
    """Return the command in a hint, nothing where it names none."""
    found = _RUNNABLE.search(hint)
    return found[0].strip() if found else ""


def quoted(*words: str | Path) -> str:
    """Write words as a shell takes them."""
    from shlex import join

    return join(map(str, words))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by severity; what is equally bad stays in the order it was found. Each is told once, on a line."""
    plain = (f._replace(what=one_line(f.what), message=one_line(f.message)) for f in findings)
    return sorted(dict.fromkeys(plain), key=lambda finding: SEVERITIES.index(finding.severity))
