"""Policies as a file: what `policy export` prints and `policy apply` reads, checked as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from llmpool.core.ids import is_provider_id, split_ref
from llmpool.core.near import meant, near
from llmpool.core.policy import STATES, Policy
from llmpool.core.text import one_line
from llmpool.errors import Misuse
from llmpool.setup import given
from llmpool.state import shape

SCHEMA = 1
_HINT = "the form is that of: llmpool policy export"
Note = Callable[[str], None]


def entry(target: str, policy: Policy) -> dict[str, Any]:
    """Show one policy as JSON has it."""
    return {"target": target} | policy.as_dict()


def entries(policies: Mapping[str, Policy]) -> list[dict[str, Any]]:
    """Show policies as JSON has them, in the order of their targets."""
    return [entry(target, policies[target]) for target in sorted(policies)]


def load(source: str) -> dict[str, Policy]:
    """Read the policies of a file, or of stdin where *source* is `-`; raises Misuse."""
    return read(given.read(source, _HINT), given.called(source))


def read(text: str, name: str) -> dict[str, Policy]:
    """Read such a document; raises Misuse that names every problem of the file *name* with its place."""
    problems: list[str] = []
    found: dict[str, Policy] = {}
    for place, each in enumerate(_list(_document(text, name), name)):
        _entry(each, found, _noting(problems, f"policies[{place}]"))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Misuse(
            f"{name} has {count}; nothing was done",
            lines=tuple(problems),
            hint=_HINT,
            details={"problems": problems},
        )
    return found


def _noting(problems: list[str], place: str) -> Note:
    return lambda fact: problems.append(f"{place}{fact}")


def _document(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Misuse(f"{name} is no JSON{place}", hint=_HINT) from None
    if not isinstance(document, dict):
        raise Misuse(f"{name} is no JSON object", hint=_HINT)
    return document


def _list(document: dict[str, Any], name: str) -> list[Any]:
    """Return the entries of a document of the right schema; raises Misuse."""
    if type(document.get("schema", SCHEMA)) is not int or document.get("schema", SCHEMA) != SCHEMA:
        raise Misuse(
            f"{name} is of schema {json.dumps(document['schema'])}, this llmpool knows {SCHEMA}", hint=_HINT
        )
    strange = [field for field in document if field not in ("schema", "policies")]
    if strange:
        raise Misuse(f"{name}: the field {_unknown(strange[0], ('schema', 'policies'))}", hint=_HINT)
    if not isinstance(document.get("policies"), list):
        raise Misuse(f"{name} has no list of policies", hint=_HINT)
    return list(document["policies"])


def _entry(given: Any, found: dict[str, Policy], note: Note) -> None:
    """Read one entry into *found*, or note what is wrong with it."""
    if not isinstance(given, dict):
        note(": not an object")
        return
    for field in given:
        if field not in _FIELDS:
            note(f": {_unknown(field, tuple(_FIELDS))}")
    values = {field: _value(field, given[field], note) for field in _FIELDS if field in given}
    target = values.pop("target", None)
    policy = Policy(**{field: value for field, value in values.items() if value is not None})
    if "target" not in given:
        note(": has no target")
    elif target in found:
        note(f".target: {target} is there twice")
    elif not policy.decides and not {"state", "routable"} & {f for f in given if given[f] is not None}:
        note(f": decides nothing about {target}; say state or routable")
    if target is not None:
        found.setdefault(target, policy)


def _value(field: str, value: Any, note: Note) -> Any:
    """Read the value of a field; None is a value not given, or one that is noted as wrong."""
    if value is None and field != "target":
        return None
    fits, what = _FIELDS[field]
    if fits(value):
        return one_line(value) if field == "reason" else value.strip() if isinstance(value, str) else value
    shown = json.dumps(value)
    note(f".{field}: {shown if len(shown) <= 60 else f'{shown[:60]}...'} is not {what}")
    return None


def _unknown(field: str, known: tuple[str, ...]) -> str:
    asked = meant(near(field, known))
    return f"{json.dumps(field)} is not known" + (f"; {asked}" if asked else "")


def _is_target(value: Any) -> bool:
    provider, model = split_ref(value) if isinstance(value, str) else ("", "")
    if not isinstance(value, str) or not value.isprintable():
        return False
    return is_provider_id(value) if "/" not in value else is_provider_id(provider) and bool(model)


def _is_state(value: Any) -> bool:
    return isinstance(value, str) and value.strip() in STATES


def _is_time(value: Any) -> bool:
    return value == "" or shape.is_moment(value)


_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "target": (_is_target, "a provider's id or PROVIDER/MODEL"),
    "state": (_is_state, f"one of {', '.join(STATES)}"),
    "routable": (lambda value: isinstance(value, bool), "true, false or null"),
    "reason": (lambda value: isinstance(value, str), "a text"),
    "updated_at": (_is_time, "a time such as 2026-11-21T03:44:00Z"),
}
