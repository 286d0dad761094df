"""Prompts that are kept in the config, as `review = "Review this: {input}"`, filled for one question."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmpool.core.near import meant, near
from llmpool.errors import Misuse, UnknownName

INPUT = "input"
_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Filled(NamedTuple):
    """A template with its places filled: *prompt* is sent, *query* is it without what came on stdin."""

    prompt: str
    query: str


def fill(
    templates: tuple[tuple[str, str], ...], name: str, prompt: str, piped: str, values: dict[str, str]
) -> Filled:
    """Fill template *name*: `{input}` with prompt and stdin, others with *values*; `{{` stands for a brace.

    Where it has no `{input}`, prompt and stdin go behind it. Raises UnknownName for a template that is not
    there, Misuse for a place without a value, a value without a place, and a place for input without any.
    """
    text = _template(templates, name)
    places = {found[1] for found in _PLACE.finditer(text) if found[1]}
    given = "\n\n".join(part for part in (prompt, piped) if part.strip())
    _check(name, places, values, given)
    if INPUT not in places:
        text = f"{text}\n\n{{{INPUT}}}" if given else text
    return Filled(_filled(text, values | {INPUT: given}), _filled(text, values | {INPUT: prompt}))


def _template(templates: tuple[tuple[str, str], ...], name: str) -> str:
    known = dict(templates)
    if name in known:
        return known[name]
    if known:
        hint = meant(near(name, known, most=1), f"there are: {', '.join(known)}")
    else:
        hint = f"keep one: llmpool config set templates.{name} 'Review this: {{input}}'"
    raise UnknownName(f'no template "{name}" in the config', hint=hint, details={"candidates": list(known)})


def _check(name: str, places: set[str], values: dict[str, str], given: str) -> None:
    missing = sorted(places - values.keys() - {INPUT})
    if missing:
        say = " ".join(f"--var {each}=..." for each in missing)
        raise Misuse(f"template {name} wants {', '.join(missing)}", hint=say)
    strange = sorted(values.keys() - (places - {INPUT}))  # the input is what is asked
    if strange:
        known = ", ".join(sorted(places - {INPUT})) or "none"
        raise Misuse(f"template {name} has no place for {', '.join(strange)}", hint=f"its variables: {known}")
    if INPUT in places and not given:
        raise Misuse(f"template {name} wants an input", hint="a prompt, or something piped in")


def _filled(text: str, values: dict[str, str]) -> str:
    """Fill the places once: braces in what is filled in are left as they are."""
    return _PLACE.sub(lambda found: values[found[1]] if found[1] else found[0][0], text)
