"""A key as a command is given it: from stdin, a file, a variable, a program, or asked unseen; never typed."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from llmpool.cli.grammar import Option
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmpool.cli.context import Terminal
    from llmpool.setup.keys import Given, Stored

KeyStdin = Annotated[bool, Option("--key-stdin", help="Read the key from stdin.")]
KeyFile = Annotated[str, Option("--key-file", metavar="FILE", help="Read the key from a file.")]
KeyEnv = Annotated[
    str, Option("--env", metavar="VAR", help="Refer to a variable that has it; nothing is stored.")
]
KeyCommand = Annotated[
    str,
    Option(
        "--command", metavar="ARGV", help="Refer to a program that prints it, as in 'pass show work/key'."
    ),
]
Keep = Annotated[
    str, Option("--keep", metavar="WHERE", help="keyring or file (secrets.json); else what is usable.")
]
Plaintext = Annotated[
    bool,
    Option("--plaintext", help="Keep it in secrets.json (0600), as it is where that file is not encrypted."),
]
PLACES = {"keyring": "the keyring", "file": "secrets.json", "env": "a variable", "command": "a program"}
_WAYS = "--key-stdin, --key-file FILE, --env VAR or --command 'pass show x'; on a terminal you are asked"


def refuse_typed(words: list[str], *names: str) -> None:
    """Refuse a key on the command line, where others and the shell's history see it; it is not repeated."""
    never = "a key never goes onto the command line, where others can see it"
    if any(map(_is_key, (*names, *words))):
        raise Misuse(never, hint=f"give it by {_WAYS}")
    if words:
        raise Misuse(f"there is a word too many; should that be a key: {never}", hint=f"give it by {_WAYS}")


def check_place(keep: str, plaintext: bool) -> None:
    """Raise Misuse for a place to keep a key in that there is not, or that contradicts `--plaintext`."""
    if keep not in ("", "keyring", "file"):
        raise Misuse("--keep: there is no such place", hint="one of: keyring, file")
    if keep == "keyring" and plaintext:
        raise Misuse("--keep keyring and --plaintext contradict one another")


def read(
    terminal: Terminal,
    *,
    stdin: bool,
    file: str,
    env: str = "",
    command: str = "",
    what: str = "key",
    ready: Callable[[], object] | None = None,
) -> Given:
    """Return what was given in one of the ways, or ask for it on a terminal; raises Misuse.

    *ready* raises what would make the asking vain.
    """
    from llmpool.setup.keys import Given

    if sum(map(bool, (stdin, file, env, command))) > 1:
        raise Misuse("the key is given in more than one way", hint=f"one of: {_WAYS}")
    if env:
        return Given(reference=_reference({"env": env}, "--env"))
    if command:
        return Given(reference=_reference({"command": _argv(command)}, "--command"))
    if ready and terminal.in_is_terminal and file in ("", "-"):
        ready()
    if stdin or file == "-":
        return Given(_of_stdin(terminal))
    return Given(_of_file(terminal, file) if file else asked(terminal, what))


def taken(terminal: Terminal, *, stdin: bool, file: str, keep: str, plaintext: bool) -> Given:
    """Return the key that came along with another change; an empty one where none did."""
    from llmpool.setup.keys import Given

    check_place(keep, plaintext)
    if stdin or file:
        return read(terminal, stdin=stdin, file=file)
    if keep or plaintext:
        raise Misuse("there is no key to keep", hint="give it by --key-stdin or --key-file FILE")
    return Given()


def document(provider: str, stored: Stored) -> dict[str, Any]:
    """Show a key that is there now as JSON has it."""
    return {
        "provider": provider,
        "label": stored.label,
        "source": stored.where,
        "existing": stored.existing,
        "mask": stored.mask or None,
    }


def tell(terminal: Terminal, provider: str, stored: Stored | None) -> None:
    """Tell where a key is now, and what its owner should know of that."""
    if stored is None:
        return
    if stored.existing:
        terminal.say(f'{provider} has that key already, as "{stored.label}"; nothing was changed')
        return
    where, mask = PLACES[stored.where], stored.mask or "not read yet"
    terminal.say(f'{provider}: key "{stored.label}" ({mask}) comes from {where}')
    for line in stored.notes:
        terminal.say(line)


def _is_key(word: str) -> bool:
    from llmpool.config.problems import is_dense, looks_secret

    return looks_secret(word) or is_dense(word)


def _argv(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        raise Misuse(
            "--command: a quote is not closed", hint="as in --command 'pass show \"my key\"'"
        ) from None


def _reference(reference: dict[str, object], option: str) -> dict[str, object]:
    """Read a reference as the config will; raises Misuse that does not repeat what may be the key."""
    from llmpool.config.keys import single
    from llmpool.setup.provider_edit import problem

    found = problem(single, reference)
    if found:
        raise Misuse(f"{option}: {found.message}", hint=f"a key itself is given by {_WAYS}")
    return reference


def _of_stdin(terminal: Terminal) -> str:
    """Read the key from a pipe; on a terminal it would be shown while it is typed, so it is asked unseen."""
    from llmpool.setup.keys import LONGEST

    if terminal.in_is_terminal:
        return asked(terminal, "key")
    if sys.stdin is None:
        _nothing("stdin is closed")
    return _decoded(sys.stdin.buffer.read(LONGEST + 1), "stdin")


def _of_file(terminal: Terminal, name: str) -> str:
    from llmpool.setup.keys import LONGEST

    shown = "what --key-file names" if _is_key(name) else name
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - it may be a pipe: <(pass show x)
            content, mode = file.read(LONGEST + 1), os.fstat(file.fileno()).st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no name of a file"
        raise Misuse(f"{shown} cannot be read: {reason}", hint=f"give the key by {_WAYS}") from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        terminal.warn(f"{shown} may be read by others: chmod 600 {shlex.quote(shown)}, or delete it")
    return _decoded(content, shown)


def _decoded(content: bytes, what: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misuse(f"{what}: that is no text", hint="give the key alone, on one line") from None
    if not text.strip():
        _nothing(f"{what} has no key")
    return text


def asked(terminal: Terminal, what: str) -> str:
    """Ask for a key without showing it; nobody can be asked off a terminal, or where it would be shown."""
    import getpass
    import warnings

    if not terminal.in_is_terminal:
        _nothing("no key was given, and nobody can be asked here")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            key = getpass.getpass(f"The {what} (it is not shown): ", terminal.err)
    except EOFError:
        terminal.end_line()
        key = ""
    except getpass.GetPassWarning:
        _nothing("this terminal would show the key")
    if not key.strip():
        _nothing("no key was given")
    return key


def _nothing(fact: str) -> NoReturn:
    raise Misuse(f"{fact}; nothing was changed", hint=f"give it by {_WAYS}")
