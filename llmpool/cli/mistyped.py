"""What to say of a command line that is none: what was probably meant, as a line that can be typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from shlex import quote
from typing import Any, NamedTuple

from llmpool.cli.app import COMMANDS
from llmpool.core.near import near

# Words that other programs have for ours.
_ALSO = {
    "ls": "list", "show": "list", "info": "list", "rm": "remove", "delete": "remove", "get": "show",
    "new": "add", "create": "add", "edit": "set", "ask": "chat", "run": "chat", "prompt": "chat",
    "explain": "route", "sync": "refresh", "update": "refresh", "setup": "init", "check": "doctor",
    "status": "doctor", "cost": "usage", "costs": "usage", "spend": "usage", "settings": "config",
    "complete": "completion", "completions": "completion",
}  # fmt: skip
_SHOWN = 60  # characters of a prompt that are repeated
_NAMED = 3
_SPECIAL = frozenset('"$`\\!')  # what a shell reads even between double quotes


class Slip(NamedTuple):
    """What is wrong with the line, and the way out."""

    message: str
    hint: str


def slip(error: Any, root: Any, words: Sequence[str]) -> Slip:
    """Tell what is wrong with *words*, and what may have been meant."""
    context = getattr(error, "ctx", None)
    root = context.find_root().command if context else root
    kind = type(error).__name__
    path = context.command_path if context else "llmpool"
    if kind == "NoSuchOption":
        return _option(error.option_name, context, root, words)
    if kind == "BadOptionUsage":
        return _value(error.option_name, root, words)
    message = str(error.format_message())
    late, _, line = message.partition(": ")
    if kind == "UsageError" and late.endswith("the verb comes first"):
        return Slip(late, line)
    unknown = re.match(r"No such command '(.*)'\.", message, re.DOTALL) if kind == "UsageError" else None
    if unknown and context and hasattr(context.command, "commands"):
        return _command(_rest_of(words, unknown[1]), unknown[1], context, root)
    if kind == "MissingParameter" and context:
        return Slip(_missing(error.param), f"{_example(context)}all about it: {path} -h")
    unfit = re.match(r"Invalid value for ([^:(]+)(?: \(env var: '(\w+)'\))?: (.*)", message, re.DOTALL)
    if unfit and context:
        name = unfit[1].replace("'", "") + (f" ({unfit[2]})" if unfit[2] else "")
        return Slip(f"{name}: {_unfit(unfit[3])}", f"all about it: {path} -h")
    extra = re.match(r"Got unexpected extra argument\S* \((.*)\)", message, re.DOTALL)
    if extra and context and context.command.name in ("chat", "route"):
        return Slip("the prompt is several words", f"put it in quotes: {path} {_prompt(context, extra[1])}")
    if extra and context:
        return Slip(f'{path} takes no "{_short(extra[1])}"', f"{_example(context)}all about it: {path} -h")
    return Slip(message[:1].lower() + message[1:].rstrip("."), f"all about it: {path} -h")


def _rest_of(words: Sequence[str], word: str) -> list[str]:
    return list(words[words.index(word) :]) if word in words else [word]


def _command(rest: list[str], word: str, context: Any, root: Any) -> Slip:
    """Tell of a command or verb that is not there, and what may have been meant."""
    path, known = context.command_path, list(context.command.commands)
    if context.parent is None:
        return Slip(f'there is no command "{_short(word)}"', _first_word(rest, word, known, root))
    near = ([] if " " in word else close(word, known)) or [n for n in known if n == _ALSO.get(word)]
    hint = f"{_meant([f'{path} {name}' for name in near])}    all of them: {path} -h"
    return Slip(f'{path} has no "{_short(word)}"', hint if near else f"there are: {', '.join(known)}")


def _first_word(rest: list[str], word: str, known: list[str], root: Any) -> str:
    """Tell what a first word that is no command may mean: another's verb, a command's name, or a prompt."""
    prompt, every = f"llmpool chat {quote(_short(' '.join(rest)))}", "all of them: llmpool -h"
    verbs = _elsewhere(root, rest) if _ALSO.get(word) not in known else []
    near = [] if verbs or " " in word else close(word, known)
    if len(rest) >= _NAMED and len(verbs) == 1:
        return f"{_meant(verbs)}    to ask that: {prompt}"
    if not near and (" " in word or len(rest) >= _NAMED):
        return f"to ask that: {prompt}"
    near = near or [name for name in known if name == _ALSO.get(word)]
    named = verbs or [f"llmpool {name}" for name in near]
    named = named or _elsewhere(root, [_ALSO.get(word, ""), *rest[1:]])
    return f"{_meant(named)}    {every}" if named else f"to ask something: {prompt}    {every}"


def _option(name: str, context: Any, root: Any, words: Sequence[str]) -> Slip:
    """Tell of an option that is not there: its neighbour, or the command it belongs to."""
    command, path = (context.command, context.command_path) if context else (root, "llmpool")
    message, every = f"{path} has no option {_short(name)}", f"all of them: {path} -h"
    if context is None or context.parent is None:
        named = [word for word in words if word in COMMANDS][:1]
        owners = (owner for owner in (*named, "chat", "models") if name in _options(_first(root.load(owner))))
        owner = next(owners, "")
        if owner:
            return Slip(message, f"it belongs behind a command: llmpool {owner} {name}")
    if name == "--json":  # the global --jsonl is spelled much like it, and is no way out
        return Slip(message, f"what it prints is no data    {every}")
    near = close(name, [*_options(command), *_options(root)]) if name[:2] == "--" else []
    near = ["--version"] if name == "-v" else near
    return Slip(message, f"did you mean {' or '.join(dict.fromkeys(near))}?    {every}" if near else every)


def _value(name: str, root: Any, words: Sequence[str]) -> Slip:
    """Tell of an option that lacks its value, or has one too many: what it takes."""
    from typer._click.shell_completion import _resolve_context

    cut = words.index(name) if name in words else len(words)
    context = _resolve_context(root, {}, "llmpool", list(words[:cut]))
    param = next((p for p in context.command.params if name in p.opts), None)
    if param is None or getattr(param, "is_flag", False):
        return Slip(f"{name} takes no value", f"all about it: {context.command_path} -h")
    kind = param.metavar or "VALUE"
    return Slip(f"{name} needs a value", f"{name} {kind}: {_sentence(param)}")


def _missing(param: Any) -> str:
    return f"{str(param.metavar or param.name).strip('[]')} is missing: {_sentence(param)}"


def _unfit(told: str) -> str:
    """Tell of a value that an option does not take, without the words that programmers have for it."""
    told = re.sub(r"is not a valid int(eger)?( range)?", "is no whole number", told.rstrip("."))
    told = re.sub(r"is not a valid float( range)?", "is no number", told)
    within = re.fullmatch(r"(.*) is not in the range (?:(\S+)<=)?x(?:>=(\S+))?(?:<=(\S+))?", told)
    if within:
        least = within[2] or within[3]
        bounds = [f"at least {least}"] * bool(least) + [f"at most {within[4]}"] * bool(within[4])
        return f"{within[1].removesuffix('.0')} is out of range; {' and '.join(bounds)}"
    return told


def _sentence(param: Any) -> str:
    text = (getattr(param, "help", "") or "").rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _example(context: Any) -> str:
    """Return the first example of a command as a hint that goes on."""
    lines = (context.command.epilog or "").splitlines()[2:3]
    return f"like: {lines[0].strip()}    " if lines else ""


def _options(command: Any) -> list[str]:
    names = [
        name for p in command.params if p.param_type_name == "option" for name in (*p.opts, *p.secondary_opts)
    ]
    return [*names, "--help"]


def _first(command: Any) -> Any:
    """Return what runs when a command is typed without a verb."""
    return next(iter(getattr(command, "commands", {"": command}).values()))


def _meant(found: Sequence[str]) -> str:
    return f"did you mean {' or '.join(found[:_NAMED])}?"


def _elsewhere(root: Any, rest: Sequence[str]) -> list[str]:
    """Return the commands that have a verb or a group called so, with the verb of it that follows."""
    found = [verb for verb in _verbs(root, ()) if verb[-1] == rest[0]]
    longer = [verb for verb in _verbs(root, ()) if list(verb[-2:]) == list(rest[:2])]
    return [f"llmpool {' '.join(verb)}" for verb in longer or found]


def _verbs(root: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words of every verb and group below the commands."""
    if hasattr(root, "load"):
        for name in COMMANDS:
            yield from _verbs(root.load(name), (name,))
        return
    for name, command in getattr(root, "commands", {}).items():
        yield (*above, name)
        yield from _verbs(command, (*above, name))


def close(word: str, known: Iterable[str]) -> list[str]:
    """Return whom of *known* the word may have been meant as: the nearest, and what is as near."""
    likeness = {name: _likeness(name.lower(), word.lower()) for name in near(word, known)}
    best = max(likeness.values(), default=0)
    return [name for name in likeness if likeness[name] > best - 0.05]


def _likeness(name: str, word: str) -> float:
    """Return how alike two words are from 0 to 1, which those are of the same letters."""
    return 1.0 if sorted(name) == sorted(word) else SequenceMatcher(None, name, word).ratio()


def _prompt(context: Any, rest: str) -> str:
    """Quote what somebody wanted to ask: the word that was taken as the prompt, and those behind it."""
    taken = next(each.name for each in context.command.params if each.param_type_name == "argument")
    asked = _short(f"{context.params[taken]} {rest}")
    return quote(asked) if _SPECIAL & set(asked) else f'"{asked}"'


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
