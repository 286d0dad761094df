"""Whether an answer is what its JSON schema asks for: draft 7, and the `$defs` of later ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llmpool.chat import keywords
from llmpool.chat.extract import unfenced
from llmpool.core.text import one_line
from llmpool.errors import Misuse

# what comes of a keyword whose value makes no sense
_MISSHAPEN = (
    *(AttributeError, TypeError, KeyError, ValueError, RecursionError, re.error),
    *(ArithmeticError, MemoryError, NameError, SyntaxError),  # it is made into a program, and that is run
)
_SHOWN = 160  # characters of a complaint, which may quote all of the answer


def check(schema: dict[str, Any], where: str) -> None:
    """Raise Misuse where *schema*, read from *where*, is no JSON schema."""
    if wrong := keywords.misshapen(schema):
        raise Misuse(f"{where} is no JSON schema: {one_line(wrong)}")
    _checker(json.dumps(schema), where)


def complaint(schema: dict[str, Any], answer: str) -> str:
    """Say why *answer* does not fit *schema*; an empty text where it does."""
    from fastjsonschema import JsonSchemaValueException

    try:
        found = json.loads(unfenced(answer), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return f"the answer is no JSON ({error})"
    try:
        _checker(json.dumps(schema), "--schema")(found)
    except JsonSchemaValueException as error:
        return f"the answer does not fit the schema: {_told(error.message)}"
    except RecursionError:
        return "the answer is nested too deeply to be checked"
    except OverflowError:
        return "the answer has a number that is too large to be checked"
    except _MISSHAPEN as error:
        raise Misuse(f"--schema is no JSON schema: {one_line(str(error))}") from None
    return ""


def _no_number(word: str) -> Any:
    """Refuse NaN and its like, which only Python takes for JSON: it would fit any minimum."""
    raise ValueError(f"{word} is no number of JSON")


def _told(message: str) -> str:
    words = one_line(message.replace("data.", "").replace("data ", "the answer ", 1))
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."


class _Everywhere(dict[str, Callable[[str], Any]]):
    """The same answer for every kind of address; the library fetches by itself what it finds none for."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        super().__init__()
        self._answer = answer

    def __contains__(self, _scheme: object) -> bool:
        return True

    def __missing__(self, _scheme: str) -> Callable[[str], Any]:
        return self._answer


@lru_cache(maxsize=32)  # a batch may bring one with each line
def _checker(schema: str, where: str) -> Callable[[Any], Any]:
    """Return what checks a value; nothing is fetched that a schema points to."""
    import warnings

    import fastjsonschema

    # of a pattern that a later Python may read otherwise; it would be told on stderr, with a path of ours
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"fastjsonschema\b")

    def refuse(uri: str) -> Any:
        raise Misuse(f"{where}: the schema points to {uri}, which is not fetched", hint="put it under $defs")

    try:
        checker: Callable[[Any], Any] = fastjsonschema.compile(
            json.loads(schema), handlers=_Everywhere(refuse), use_default=False
        )
    except (fastjsonschema.JsonSchemaDefinitionException, *_MISSHAPEN) as error:
        raise Misuse(f"{where} is no JSON schema: {one_line(str(error))}") from None
    return checker
