"""Where the prompts of a batch come from: a file, which is looked through first, or a stream, as it comes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from llmpool.chat.batch_journal import Journal
from llmpool.chat.batch_lines import Reader, lines
from llmpool.errors import Misuse


class Survey(NamedTuple):
    """What a file of prompts has: *total* lines, None of a stream; so many *answered*, others *changed*."""

    total: int | None = None
    answered: int = 0
    changed: int = 0


def is_plain(source: str) -> bool:
    """Say whether each line is a prompt as it stands."""
    return source.lower().endswith(".txt")


@contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """Open a file of prompts, `-` for stdin; raises Misuse where it cannot be read."""
    with ExitStack() as stack:
        try:
            if source == "-":
                # a thread that still reads when the run ends must not hold what the interpreter flushes
                file: IO[bytes] = open(os.dup(sys.stdin.fileno()), "rb", closefd=False)  # noqa: SIM115
            else:
                file = stack.enter_context(Path(source).open("rb"))
        except (OSError, ValueError, AttributeError) as error:
            reason = getattr(error, "strerror", None) or "there is none"
            raise Misuse(f"{source} cannot be read: {reason}", hint="a file, or - for stdin") from None
        yield file


def survey(file: IO[bytes], reader: Reader, journal: Journal | None) -> Survey:
    """Count the prompts of a file, and those answered already; a stream is left for when its turn comes.

    Raises Misuse where the journal has answers, and none of them is to any of these prompts.
    """
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return Survey()
    began, known = file.tell(), journal if journal is not None and journal.answered else None
    total = answered = changed = 0
    for number, text in lines(file):
        total += 1
        if known is not None and (same := known.matches(reader.entry(number, text))) is not None:
            answered += same
            changed += not same
    file.seek(began)
    if known is not None and not answered:
        raise Misuse(
            f"{known.output} has {known.answered} answers, and none is to these prompts as they are asked",
            hint="name another file: -o FILE, or move that one away",
        )
    return Survey(total, answered, changed)
