"""The usage records in an export: behind its TOML, one a line, up to a line with their number and digest.

They are written and read as a stream, so that the history of years needs no memory. Whether they arrived as
they left shows at their end: whoever reads them keeps them aside until then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from llmpool.errors import Misuse
from llmpool.importers.usage_source import LONGEST_LINE, Raw
from llmpool.pool import Pool
from llmpool.setup import usage_export
from llmpool.usage.span import Span

BEGIN = "# Usage records follow, one a line, as `llmpool usage export` writes them."
_END = "# The end of {} usage records, sha256 {}"
_END_LINE = re.compile(_END.format("([0-9]{1,15})", "([0-9a-f]{64})").encode())
_HINT = "export it again on the old machine"


def write(
    pool: Pool, put: Callable[[str], object], tell: usage_export.Tell = lambda _: None
) -> usage_export.Exported:
    """Write all records that there are, and what they amount to; those of pruned days are gone."""
    digest = hashlib.sha256()

    def both(line: str) -> None:
        digest.update(line.encode())
        put(line)

    done = usage_export.export(pool, "jsonl", Span(), both, tell)
    put(f"{_END.format(done.records, digest.hexdigest())}\n")
    return done


def head(file: BinaryIO, most: int) -> tuple[bytes, int]:
    """Return what stands before the records, at most a byte more than *most*, and the number of their line.

    The number is 0 where the file has none.
    """
    content, number = bytearray(), 0
    while len(content) <= most and (line := file.readline(most + 1 - len(content))):
        number += 1
        if line.rstrip(b"\r\n") == BEGIN.encode():
            return bytes(content), number
        content += line
    return bytes(content), 0


def lines(name: str, file: BinaryIO, above: int) -> Iterator[Raw]:
    """Yield the records behind the line *above*; raises Misuse, at their end, where they are not all of them.

    A line that is longer than any record raises it at once, so that no more than one is held.
    """
    digest, number = hashlib.sha256(), 0
    while line := _line(name, file):
        if line.startswith(b"#"):
            _check(name, line, number, digest.hexdigest())
            if _line(name, file):
                raise damaged(name, "something follows its usage records")
            return
        if not line.endswith(b"\n"):
            break  # half a record is none
        number += 1
        digest.update(line)
        yield Raw(f"line {above + number}", line)
    raise damaged(name, f"it ends after {number} usage records, before all of them are there")


def damaged(name: str, fact: str) -> Misuse:
    """Return the error for an export that is not as it was written."""
    return Misuse(f"{name} is damaged: {fact}", hint=_HINT)


def _line(name: str, file: BinaryIO) -> bytes:
    try:
        line = file.readline(LONGEST_LINE + 1)
    except OSError as error:
        raise Misuse(f"{name} cannot be read: {error.strerror}", hint=_HINT) from None
    if len(line) > LONGEST_LINE:
        raise damaged(name, "a line is longer than any usage record")
    return line


def _check(name: str, line: bytes, number: int, digest: str) -> None:
    """Compare what the last line says with what came."""
    end = _END_LINE.fullmatch(line.rstrip(b"\n"))
    if end is None:
        raise damaged(name, "the end of its usage records says nothing of them")
    if (int(end[1]), end[2].decode()) != (number, digest):
        raise damaged(name, "its usage records are not those that were exported")
