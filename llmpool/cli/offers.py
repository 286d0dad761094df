"""What a shell offers after TAB: a line a word, with a tab and what it is, or that a path may stand there.

A parameter that completes by itself says so where it is declared (`autocompletion=`). For the others it is
enough what they are called and what stands for their value in the help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from llmpool.cli import complete, quick
from llmpool.cli.context import COLOR, take_globals
from llmpool.core.text import one_line

FILES, FOLDERS = "\tfiles", "\tfolders"  # no words of ours: the shell completes paths better
_LONGEST = 100  # characters of a description


class Offer(NamedTuple):
    """A word that may stand there, and what it is."""

    word: str
    about: str = ""


# fmt: off
_WORDS: dict[str, tuple[str, ...]] = {
    "--color WHEN": COLOR,
    "--location WHERE": ("local", "cloud"),
    "--keep WHERE": ("keyring", "file"),
    "--format-mode MODE": ("auto", "pinned"),
    "--key-rotation HOW": ("first", "round_robin", "least_used"),
    "--auth HOW": ("bearer", "x-api-key"),
    "--metadata HOW": ("dynamic", "catalog"),
    "--think LEVEL": ("off", "low", "medium", "high"),
    "--thinking LEVEL": ("off", "low", "medium", "high"),
    "--on-break HOW": ("stop", "restart"),
    "--priority P": ("interactive", "background"),
    "--min-complexity WORD": ("simple", "moderate", "complex"),
    "--policy STATE": ("active", "inactive", "flagged"),
    "--source WORD": ("config", "discovered"),
    "--unpriced RULE": ("allow", "deny"),
    "--shell SHELL": ("bash", "fish", "powershell"),
    "SHELL": ("bash", "zsh", "fish", "powershell", "pwsh"),
    "--since WHEN": ("today", "yesterday", "week", "month", "all", "7d", "30d"),
    "--until WHEN": ("today", "yesterday"),
}
_NAMES: dict[str, Callable[[Any, str], Iterable[Any]]] = {
    "--session NAME": lambda _, typed: complete.sessions(typed),
    "--key LABEL": complete.key_labels,
    "--format FORMAT": lambda _, typed: complete.formats(typed),
    "--preset PRESET": lambda _, typed: complete.presets(typed),
    "PRESET|URL|ID": lambda _, typed: complete.presets(typed),
    "--key-env VAR": lambda _, typed: complete.variables(typed),
    "--env VAR": lambda _, typed: complete.variables(typed),
    "--supports WHAT=WORD": lambda _, typed: complete.supports(typed, ("yes", "no", "unknown")),
    "--supports WHAT=YES": lambda _, typed: complete.supports(typed, ("yes", "no")),
    "--hint KEY=VALUE": lambda _, typed: complete.hints(typed),
    "--model NAME": lambda _, typed: complete.model_names(typed),
    "--model PATTERN": lambda _, typed: complete.model_names(typed),
    "--add-model PATTERN": lambda _, typed: complete.model_names(typed),
    "--drop-model PATTERN": lambda _, typed: complete.model_names(typed),
    "--drop-provider ID": lambda _, typed: complete.providers(typed),
    "--no-alias NAME": lambda _, typed: complete.aliases(typed),
    "--unset FIELD": complete.fields,
    "AMOUNT/PERIOD": lambda _, typed: complete.periods(typed),
    "VALUE...": complete.values,
}
# fmt: on


def answer(root: Any) -> int:
    """Answer the shell on stdout; what goes wrong is told to nobody, there is a prompt on the screen."""
    line = quick.words()
    bare = os.environ.get("_LLMPOOL_COMPLETE", "").endswith("bash")  # it has no place for descriptions
    safe = (each for each in offered(root, line) if isinstance(each, str) or complete.is_one_word(each.word))
    lines = (each if isinstance(each, str) else _line(each, bare=bare) for each in safe)
    sys.stdout.write("".join(f"{each}\n" for each in dict.fromkeys(lines)))
    return 0


def offered(root: Any, line: list[str]) -> list[Offer | str]:
    """Return what may stand for the last word of *line*, or FILES or FOLDERS."""
    before, typed = line[1:-1], line[-1]
    kind, value = _of_a_global(before, typed)
    if kind:
        return _by_kind(kind, None, value)
    own = before[-1:] if before[-1:] == ["--state"] else []  # that of `policy set`, which has no value yet
    options, rest = take_globals(before[: len(before) - len(own)])
    os.environ |= {"LLMPOOL_CONFIG": options.config} if options.config else {}
    os.environ |= {"LLMPOOL_STATE_DIR": options.state} if options.state else {}
    return _of_the_tree(root, [*rest, *own], typed)


def _of_a_global(before: list[str], typed: str) -> tuple[str, str]:
    """Tell what stands for the value of a global option, when that is what is typed, and how far it is."""
    name, equals, value = typed.partition("=")
    if not equals or name[:2] != "--":
        name, value = before[-1] if before else "", typed
    if "--" in before or (name == "--state" and before[:2] == ["policy", "set"]):
        return "", typed
    kinds = {"--config": "FILE", "--state": "DIR", "--color": "--color WHEN"}
    return kinds.get(name, ""), value


def _of_the_tree(root: Any, rest: list[str], typed: str) -> list[Offer | str]:
    from typer._click.shell_completion import _resolve_context, _resolve_incomplete

    context = _resolve_context(root, {}, "llmpool", rest)
    words = list(rest)
    target, value = _resolve_incomplete(context, words, typed)
    if getattr(target, "param_type_name", ""):
        return _of_parameter(target, context, value)
    verbs = getattr(target, "commands", {})
    if verbs and target is not root and typed.startswith("-"):  # a bare group is its first verb
        return _of_the_tree(root, [*rest, next(iter(verbs))], typed)
    from llmpool.cli.tree import summary

    found = target.shell_complete(context, value)
    offers = [Offer(f.value, summary(verbs[f.value]) if f.value in verbs else f.help or "") for f in found]
    if target is not root and typed.startswith("-"):
        found = root.shell_complete(context.find_root(), value)
        offers += [Offer(f.value, f.help or "") for f in found if f.value[:1] == "-"]
    return list(offers)


def _of_parameter(param: Any, context: Any, typed: str) -> list[Offer | str]:
    if getattr(param, "_custom_shell_complete", None):
        return [Offer(f.value, f.help or "") for f in param.shell_complete(context, typed)]
    kind = str(param.metavar or "").strip("[]")
    if param.param_type_name == "option":
        longest = max(param.opts, key=len)
        own = _by_kind(f"{longest} {kind}", context, typed)
        if own:
            return own
    return _by_kind(kind, context, typed)


def _by_kind(kind: str, context: Any, typed: str) -> list[Offer | str]:
    """Complete what the option `--name KIND`, or any argument KIND, takes."""
    if kind in _WORDS:
        return [Offer(word) for word in complete.starting(_WORDS[kind], typed)]
    if kind in _NAMES:
        found = _NAMES[kind](context, typed)
        return [Offer(*each) if isinstance(each, tuple) else Offer(each) for each in found]
    if "FILE" in kind or kind == "PATH":
        return [FILES]
    return [FOLDERS] if kind == "DIR" else []


def _line(offer: Offer, *, bare: bool) -> str:
    about = "" if bare else one_line(offer.about)[:_LONGEST]
    return f"{offer.word}\t{about}" if about else offer.word
