"""The words a shell asks about; a model among them is completed before anything else is loaded.

That is the keystroke a person waits for most.
"""

import os
import sys

MARK = "\x1f"  # between the words as our scripts send them; no line has it
_OPTIONS = ("-m", "--model")
_COMMANDS = ("chat", "route")
_VERBS = ("show", "set", "load", "unload", "remove")
_ELSEWHERE = ("--config", "--state")  # the ids of another pool: `offers` goes there


def words() -> list[str]:
    """Return the line up to the cursor as words without quotes; the last one is to be completed."""
    line, place = os.environ.get("COMP_WORDS", ""), os.environ.get("COMP_CWORD", "")
    count = int(place) + 1 if place.isdigit() else 0
    pieces = line.split(MARK) if MARK in line else _split(line)
    quoted = os.environ.get("_LLMPOOL_COMPLETE", "").endswith("bash") and MARK in line
    found = [_unquoted(piece) for piece in pieces] if quoted else pieces
    return [*found, ""][:count] if count > len(found) else found[:count]


def _split(line: str) -> list[str]:
    """Split a line as a shell does; a quote that is still open ends with it."""
    if not any(mark in line for mark in "\"'\\"):
        return line.split()
    import shlex

    for end in ("", '"', "'"):
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def _unquoted(word: str) -> str:
    return "".join(_split(word)) if any(mark in word for mark in "\"'\\") else word


def answered() -> bool:
    """Answer when a model is asked for where models are most often; False leaves it to the command tree."""
    line = words()
    if len(line) < 3 or "--" in line or any(word.startswith(_ELSEWHERE) for word in line):
        return False
    option, equals, typed = line[-1].partition("=")
    if not equals or option[:1] != "-":
        option, typed = line[-2], line[-1]
    asks = line[1] in _COMMANDS and option in _OPTIONS and not (equals and option == "-m")
    first = line[1] == "models" and line[2] in _VERBS and len(line) == 4 and typed[:1] != "-"
    if not (asks or first):
        return False
    from llmpool.cli import complete

    sys.stdout.write("".join(f"{ref}\n" for ref in complete.models(typed)))
    return True
