"""From options and streams to requests: prompts, sizes, needs and hints, checked before anything runs."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from llmpool.core.config import MODES, STRATEGIES
from llmpool.core.deployment import ALSO_TYPED, CAPABILITIES
from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.core.text import tokens
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions

NOTICE_AFTER = 2.0  # seconds of silence on stdin before a person is told what is being waited for
MOST_DIGITS = 15  # of an amount, before the point or behind it
_REQUIREMENT_OF = {"local_only": "--local-only", "quality_floor": "--min-quality"}


def route_request(options: RoutingOptions, query: str, text: str, terminal: Terminal) -> RouteRequest:
    """Build the routing request; *text* is everything that will be sent, for its size. Raises Misuse."""
    from llmpool.cli.options import size

    _refuse_nobody(options)
    request = RouteRequest(
        query=query,
        context_size=size(options.context_size) if options.context_size else tokens(text),
        stated=bool(options.context_size),
        needs=needs(options.needs),
        tool_count=options.tool_count,
        priority=one_of(options.priority or "interactive", ("interactive", "background"), "--priority"),
        hints=hints(options.hint, terminal),
        model=options.model,
        strategy=one_of(options.strategy, ("", *STRATEGIES), "--strategy"),
        mode=one_of(options.mode, ("", *MODES), "--mode"),
        local_only=options.local_only,
        min_quality=options.min_quality,
        max_cost=_money(options.max_cost) if options.max_cost else None,
        exclude=tuple(name.strip() for given in options.exclude for name in given.split(",") if name.strip()),
        prefer=options.prefer.strip(),
        group=options.group,
        fallback=options.fallback,
        loose=options.loose,
        quality_target=options.quality,
    )
    if options.profile and options.by_variable:
        return _with_profile(request, options, terminal.pool.table)
    return request


def _refuse_nobody(options: RoutingOptions) -> None:
    """Raise Misuse where blanks and commas are all of a list or a name: they must not lift what it limits."""
    given = {"--model": [options.model], "--needs": [options.needs], "--prefer": [options.prefer]}
    for name, texts in (given | {"--exclude": options.exclude}).items():
        if any(text and not text.strip(" ,\t\n") for text in texts):
            raise Misuse(f"{name} names nothing", hint="a variable that is empty? else leave it out")


def _with_profile(request: RouteRequest, options: RoutingOptions, table: RoutingTable) -> RouteRequest:
    """Take the stricter of what variables and the profile demand: a variable does not lift a limit of it."""
    from llmpool.router import profiles

    profile, lent = profiles.find(options.profile, table), options.by_variable
    if "mode" in lent and profile.mode == "local":
        request = request.replace(mode="local")
    if "min_quality" in lent and request.min_quality is not None:
        request = request.replace(min_quality=max(request.min_quality, profile.min_quality or 0))
    if "max_cost" in lent and request.max_cost is not None and profile.max_cost is not None:
        from decimal import Decimal

        request = request.replace(max_cost=min(request.max_cost, profile.max_cost, key=Decimal))
    return request


def needs(text: str) -> tuple[str, ...]:
    """Read `--needs tools,images`; raises Misuse for what is no capability."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [ALSO_TYPED.get(name, name) for name in names]
    return tuple(dict.fromkeys(one_of(name, CAPABILITIES, "--needs") for name in known))


def supported(text: str) -> tuple[str, bool]:
    """Read `--supports tools=no` as the config's key and value; raises Misuse."""
    name, _, word = text.partition("=")
    known = ALSO_TYPED.get(name, name)
    words = {"yes": True, "true": True, "no": False, "false": False}
    key = f"supports_{one_of(known, CAPABILITIES, '--supports')}"
    return key, words[one_of(word, tuple(words), f"--supports {name}")]


def hints(given: list[str], terminal: Terminal) -> tuple[tuple[str, str], ...]:
    """Read `--hint KEY=VALUE`; says once when a wish looks like it is meant as a requirement."""
    from llmpool.router import features

    pairs = []
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Misuse(f"--hint {text!r} has no value", hint="write --hint prefer_speed=true")
        pairs.append((key, value))
        _say_if_unknown(key, terminal)
        if key in _REQUIREMENT_OF and value != "false" and not features.unreadable(key, value):
            terminal.say(f"note: hint {key} is a wish and may lose; {_REQUIREMENT_OF[key]} always holds")
    return tuple(pairs)


def _say_if_unknown(hint: str, terminal: Terminal) -> None:
    """Point out a hint that no rule looks at; it may be meant for another program, so it is no error."""
    from llmpool.router.features import HINTS

    if hint not in HINTS:
        terminal.say(f"note: no rule knows the hint {hint}; known: {', '.join(HINTS)}")


def one_of(value: str, allowed: tuple[str, ...], option: str) -> str:
    """Return *value* where it is *allowed*; raises Misuse with what is."""
    if value in allowed:
        return value
    near = near_to(value, allowed)
    suggestion = f"did you mean {near}?" if near else f"one of: {', '.join(filter(None, allowed))}"
    raise Misuse(f"{option} {value!r} is not known", hint=suggestion)


def near_to(word: str, known: tuple[str, ...]) -> str:
    """Return which of *known* may have been meant, letters swapped or left out; nothing where none may."""
    from llmpool.cli.mistyped import close

    return next(iter(close(word, filter(None, known))), "")


def _money(text: str) -> str:
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    sound = amount.is_finite() and amount >= 0 and -MOST_DIGITS <= amount.adjusted() < MOST_DIGITS
    if not sound or len(text) > 2 * MOST_DIGITS:
        raise Misuse(f"{text[:40]!r} is no amount of USD", hint="write --max-cost 0.05")
    return format(abs(amount), "f")


def piped_input(terminal: Terminal, wanted: bool) -> str:
    """Read stdin when it is a pipe or a file, never a terminal or a device; raises Misuse if binary."""
    if not wanted or sys.stdin is None:
        return ""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return ""
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return ""
    if not stat.S_ISREG(mode) and os.name == "posix":
        import select

        if not select.select([sys.stdin], [], [], NOTICE_AFTER)[0]:
            terminal.say("note: reading stdin until it ends; --no-stdin stops that")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise Misuse(
            f"stdin is not UTF-8 text (byte {error.start})",
            hint="a picture goes along with: llmpool chat -a -",
        ) from None
