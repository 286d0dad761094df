"""Findings as a person reads them: the worst first, each with its command on a line of its own."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from llmpool.cli.output import columns, plural
from llmpool.core.text import clean

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.setup.doctor import Examination
    from llmpool.setup.doctor_case import Finding

_COLORS = {"error": "\x1b[31m", "warning": "\x1b[33m", "note": "\x1b[2m"}
_PLAIN = "\x1b[0m"
_MARGIN = 9  # as wide as the longest severity and two blanks
_MENDS = "mend: "


def show(terminal: Terminal, found: Examination) -> None:
    """Show the findings, as columns in a pipe, and count them in a last line."""
    if terminal.is_terminal:
        for finding in found.findings:
            sys.stdout.write(_written(finding, color=terminal.use_color) + "\n")
    elif found.findings:
        terminal.out(columns([list(finding) for finding in found.findings]))
    terminal.say(_last_line(found))


def _written(finding: Finding, *, color: bool) -> str:
    width = max(40, min(shutil.get_terminal_size().columns, 120))
    margin = " " * _MARGIN
    text = clean(f"{finding.what}: {finding.message}")
    lines = textwrap.wrap(
        text,
        width - 1,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    word = f"{finding.severity:<{_MARGIN}}"
    first = f"{_COLORS[finding.severity]}{word}{_PLAIN}" if color else word
    told = first + "\n".join(lines)[_MARGIN:]
    return f"{told}\n{margin}{_MENDS}{clean(finding.command)}" if finding.command else told


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
