"""Reads `config.toml`: the whole of it, and every problem at once."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from llmpool.config.checks import cross_check
from llmpool.config.lines import key_lines, line_of
from llmpool.config.problems import Problem, Spot, as_json, as_line, escaped
from llmpool.config.scan import KeyPath
from llmpool.config.schema import CONFIG
from llmpool.core.config import Config
from llmpool.errors import ConfigInvalid

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
MOST_BYTES = 16 << 20
LONG_KEY = re.compile(r"""(?<![\w."'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){999}""")
_HINT = "correct the file, then run: llmpool config check"


def load(path: Path) -> Config:
    """Read the config at *path*; a missing file is an empty one. Raises ConfigInvalid with every problem."""
    text = _text(path)
    return Config(path=str(path), exists=False) if text is None else loads(text, path)


def loads(text: str, path: Path) -> Config:
    """Read *text* as the config at *path* would be read; raises ConfigInvalid with every problem."""
    raw = _parse(text, path)
    problems: list[Problem] = []
    values = CONFIG.read(raw, Spot((), problems))
    cross_check(raw, Spot((), problems))
    if problems:
        raise _invalid(path, problems, key_lines(text))
    return Config(path=str(path), exists=True, **values)


def check_size(path: Path) -> None:
    """Raise ConfigInvalid for a file that is larger than any config, before it fills the memory."""
    if path.stat().st_size > MOST_BYTES:
        fact = f"is larger than {MOST_BYTES >> 20} MiB, and so is no config"
        raise _unreadable(path, fact, "name the right file: LLMPOOL_CONFIG or --config")


def _text(path: Path) -> str | None:
    """Return the file as text, None when there is none."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise _unreadable(path, "is a device or a pipe, not a file", "see LLMPOOL_CONFIG and --config")
        check_size(path)
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise _unreadable(path, "is a directory, not a file", "name the file in it") from None
    except PermissionError:
        raise _unreadable(path, "may not be read by this user", "see its permissions: ls -l") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        fact = error.strerror if isinstance(error, OSError) and error.strerror else "is not a file name"
        raise _unreadable(path, f"cannot be read: {fact}", "see LLMPOOL_CONFIG and --config") from None
    try:
        return data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    problem = Problem((), "the text is not UTF-8", "save the file as UTF-8")
    raise _invalid(path, [problem], {(): line})


def _parse(text: str, path: Path) -> dict[str, Any]:
    if found := LONG_KEY.search(text):  # tomllib takes minutes for one of some thousand parts
        line = text.count("\n", 0, found.start()) + 1
        raise _invalid(path, [Problem((), "a thousand words between dots", "shorten it")], {(): line})
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except RecursionError:
        problem, line = Problem((), "the values are nested too deeply", "flatten them"), 0
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        problem, line = _syntax_problem(error, text)
    raise _invalid(path, [problem], {(): line} if line else {})


def _syntax_problem(error: ValueError, text: str) -> tuple[Problem, int]:
    """Say what a parser's error says, with its line; the text around it may be a key and is not shown."""
    message, position = str(error), _POSITION.search(str(error))
    if position is None:
        fact = message if isinstance(error, tomllib.TOMLDecodeError) else "a number has too many digits"
        return Problem((), escaped(fact)), 0
    fact = escaped(message[: position.start()])
    if position[1] is None:
        return Problem((), f"{fact} at the end of the file"), text.count("\n") + 1
    return Problem((), f"{fact} at column {position[2]}", "texts need quotes, tables [brackets]"), int(
        position[1]
    )


def _decimal(text: str) -> Decimal:
    """Keep a number as it is written: an amount of money must not pass through a float."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all reason
        return Decimal("Infinity")


def _unreadable(path: Path, fact: str, remedy: str) -> ConfigInvalid:
    name = escaped(str(path))
    details = {"problems": [as_json(Problem((), fact, remedy), str(path), None)]}
    return ConfigInvalid(f"{name} {fact}", hint=remedy, details=details)


def _invalid(path: Path, problems: list[Problem], lines: dict[KeyPath, int]) -> ConfigInvalid:
    """Make the one error that carries all *problems*, in the order of the file."""
    placed = [(line_of(lines, problem.path) or lines.get(()), problem) for problem in problems]
    placed.sort(key=lambda pair: pair[0] or 0)
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return ConfigInvalid(
        f"{escaped(path.name)} has {count}",
        hint=_HINT,
        lines=tuple(as_line(problem, str(path), line) for line, problem in placed),
        details={"problems": [as_json(problem, str(path), line) for line, problem in placed]},
    )
