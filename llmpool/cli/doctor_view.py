"""Findings as a person reads them: the worst first, each with its command on a line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmpool.cli.output import columns, plural
from llmpool.core import cells
from llmpool.core.text import shown

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.setup.doctor import Examination
    from llmpool.setup.doctor_case import Finding

_STYLES = {"error": "bad", "warning": "warn", "note": "dim"}
_MARGIN = 9  # as wide as the longest severity and two blanks
_NARROW = 40  # columns below which the severity has a line of its own
_WIDEST = 120  # beyond it a line is too long to read


def show(terminal: Terminal, found: Examination) -> None:
    """Show the findings, as columns in a pipe, and count them in a last line."""
    if terminal.for_people:
        for finding in found.findings:
            terminal.write(_written(terminal, finding) + "\n")
    elif found.findings:
        terminal.out(columns([list(finding) for finding in found.findings]))
    terminal.say(_last_line(found))


def _written(terminal: Terminal, finding: Finding) -> str:
    """Write the severity, what is found beside it, and the command, which is never broken."""
    width, narrow = min(terminal.width, _WIDEST), terminal.width < _NARROW
    margin = " " * (2 if narrow else _MARGIN)
    said = terminal.writable(shown(f"{finding.what}: {finding.message}"))
    lines = [margin + line for line in cells.wrapped(said, width - len(margin))]
    word = terminal.paint(finding.severity, _STYLES[finding.severity])
    if narrow:
        lines.insert(0, word)
    else:
        lines[0] = word + " " * (_MARGIN - len(finding.severity)) + lines[0][_MARGIN:]
    return "\n".join([*lines, *([f"{margin}mend: {shown(finding.command)}"] if finding.command else [])])


def _last_line(found: Examination) -> str:
    """Count what was found, and say what was not looked at."""
    from llmpool import __version__

    counts = found.counts
    told = ", ".join(
        plural(counts[word], word) for word in ("error", "warning", "note") if counts[word] or word != "note"
    )
    reasons = dict.fromkeys(reason for _, reason in found.skipped)
    grouped = (
        (", ".join(area for area, why in found.skipped if why == reason), reason) for reason in reasons
    )
    left = "; ".join(f"{areas} ({reason})" for areas, reason in grouped)
    return f"{told}   llmpool {__version__}" + (f"; not looked at: {left}" if left else "")
