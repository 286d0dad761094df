"""The lines of a file of prompts: each is read over the options of the command line, and has its own key.

A line is a JSON object with a `prompt` (or `query`, as `route --batch` has it), or a JSON text; where the
file's name ends in `.txt` it is the prompt itself. Empty lines are passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from llmpool.core.deployment import ALSO_TYPED, CAPABILITIES
from llmpool.errors import LlmpoolError, Misuse
from llmpool.formats.base import is_deep
from llmpool.registry import resolve

if TYPE_CHECKING:
    from llmpool.chat.question import Question
    from llmpool.core.routing import RouteRequest

Fill = Callable[["Question"], "Question"]
LONGEST = 64 * 1024 * 1024  # bytes of a line: beyond it somebody named the wrong file
_MOST = 1 << 53  # beyond it JSON's readers disagree about a number

_LONGEST_LEVEL = 13  # digits of tokens that are thought with: no sum of money is made of more

TYPES: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "query": (str,),
    "system": (str,),
    "model": (str,),
    "max_tokens": (int,),
    "temperature": (int, float),
    "think": (str, int),
    "attach": (str, list),
    "schema": (dict,),
    "tag": (str,),
    "hints": (dict,),
    "needs": (str, list),
    "needs_tools": (bool,),
    "needs_streaming": (bool,),
    "needs_images": (bool,),
    "context_size": (int,),
    "tool_count": (int,),
    "priority": (str,),
}
_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


class Entry(NamedTuple):
    """A line, ready to be asked: what it has for an *id* is kept as it is; *fault* is why it cannot be.

    *key* tells one question from another: all that shapes the answer is in it, where it is sent is not.
    *attach* names what goes along, which is read when its turn has come.
    """

    number: int
    key: str
    id: Any = None
    question: Question | None = None
    wanted: RouteRequest | None = None
    attach: tuple[str, ...] = ()
    fault: LlmpoolError | None = None
    chooses: bool = False  # whether it names a model or a tag of its own

    def head(self) -> dict[str, Any]:
        """Return what its line of the answers begins with."""
        found: dict[str, Any] = {"schema": 1, "line": self.number, "key": self.key}
        return found if self.id is None else found | {"id": self.id}


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers."""
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        if line.strip():
            yield number, line


class Reader:
    """Reads lines over the command line: its *question*, *common* for the router, a template's *fill*."""

    def __init__(
        self,
        question: Question,
        common: RouteRequest,
        *,
        plain: bool = False,
        fill: Fill | None = None,
        salt: str = "",
    ) -> None:
        self.question = question
        self.common = resolve.with_mode(common)  # `-m local` is no model that a line may put another for
        self.plain = plain
        self.fill = fill
        given = question.attached.around("") + repr(question.attached.images) if question.attached else ""
        self._salt = _digest(salt, given)

    def entry(self, number: int, text: bytes) -> Entry:
        """Read one line; what is wrong with it is the entry's fault, and stops no other."""
        fields: dict[str, Any] = {}
        try:
            fields = self._fields(text)
            return self._read(number, fields)
        except LlmpoolError as error:
            told = _identity(fields)
            return Entry(number, _digest(text.decode("utf-8", "replace")), told, fault=error)

    def _fields(self, text: bytes) -> dict[str, Any]:
        hint = '{"prompt": "..."}; a prompt a line as it stands: a file named .txt'
        found = objects(text, hint, plain=self.plain)
        if isinstance(found, str):
            return {"prompt": found}
        if not isinstance(found, dict):
            raise Misuse('neither an object with a text "prompt" nor a text')
        return found

    def _read(self, number: int, fields: dict[str, Any]) -> Entry:
        checked({name: value for name, value in fields.items() if name != "id"}, TYPES, also="id")
        question = self._question(fields)
        attach = _listed(fields.get("attach", []), "attach")
        if "-" in attach:
            raise Misuse('"attach" cannot be stdin')
        if not (question.prompt.strip() or question.piped.strip() or attach or question.attached):
            raise Misuse("nothing to ask: the prompt is empty")
        return Entry(
            number,
            self._key(question, fields, attach),
            _identity(fields),
            question,
            self._wanted(question, fields),
            attach,
            chooses="model" in fields or "tag" in fields,
        )

    def _question(self, fields: dict[str, Any]) -> Question:
        """Lay a line over the question of the command line, whose prompt goes in front of each."""
        if "prompt" not in fields and "query" not in fields:
            raise Misuse('not an object with a text "prompt"')
        prompt, usual = fields.get("prompt", fields.get("query")), self.question
        question = usual.replace(
            prompt=usual.prompt or prompt,
            piped=prompt if usual.prompt else "",
            system=fields.get("system", usual.system),
            max_tokens=fields.get("max_tokens", usual.max_tokens),
            temperature=fields.get("temperature", usual.temperature),
            thinking=_level(fields["think"]) if "think" in fields else usual.thinking,
            schema=_schema(fields["schema"]) if "schema" in fields else usual.schema,
            tag=fields.get("tag", usual.tag),
            attached=None if "attach" in fields else usual.attached,
        )
        return self.fill(question) if self.fill else question

    def _wanted(self, question: Question, fields: dict[str, Any]) -> RouteRequest:
        if "model" in fields and not fields["model"].strip():  # it must not lift what -m pins
            raise Misuse('"model" names nothing', hint='"auto" is whoever is best')
        wanted = laid_over(self.common, fields, _needs(fields.get("needs", [])))
        return wanted.replace(query=question.judged, model=fields.get("model", wanted.model))

    def _key(self, question: Question, fields: dict[str, Any], attach: tuple[str, ...]) -> str:
        shaping = (
            *(question.prompt, question.piped, question.system, question.max_tokens, question.temperature),
            *(question.thinking, question.schema, question.tools, attach, fields.get("model")),
        )
        return _digest(self._salt, json.dumps(shaping, sort_keys=True))


def objects(text: bytes, hint: str = "", *, plain: bool = False) -> Any:
    """Return what a line says as JSON, or as it stands where it is *plain*; raises Misuse with the *hint*."""
    try:
        written = text.decode("utf-8-sig").strip()
        return written if plain else _parsed(written)
    except UnicodeDecodeError as error:
        raise Misuse(f"not UTF-8 (byte {error.start} of the line)") from None
    except (ValueError, RecursionError):
        raise Misuse("not JSON", hint=hint) from None


def laid_over(common: RouteRequest, fields: Mapping[str, Any], needs: Iterable[str] = ()) -> RouteRequest:
    """Lay what a line says of whoever may answer over the command line; it *needs* more. Raises Misuse."""
    flags = [name for name in ("tools", "streaming", "images") if fields.get(f"needs_{name}")]
    hints = dict(common.hints) | {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.get("hints", {}).items()
    }
    priority = fields.get("priority", common.priority)
    if priority not in ("interactive", "background"):
        raise Misuse('"priority" is interactive or background')
    return common.replace(
        needs=tuple(dict.fromkeys((*common.needs, *needs, *flags))),
        hints=tuple(hints.items()),
        priority=priority,
        context_size=fields.get("context_size", common.context_size),
        stated=common.stated or "context_size" in fields,
        tool_count=fields.get("tool_count", common.tool_count),
    )


def _digest(*parts: str) -> str:
    whole = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest()[:16]


def _parsed(text: str) -> Any:
    """Read JSON that can be written again: what a line has for an id is printed as it is."""
    found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if is_deep(found):
        raise ValueError("nested too deeply")
    return found


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError("no number of JSON")
    return number


def _identity(fields: dict[str, Any]) -> Any:
    return fields.get("id")


def checked(fields: Mapping[str, Any], types: Mapping[str, tuple[type, ...]], *, also: str = "") -> None:
    """Check the fields of a line, of which there are these *types* and *also* another; raises Misuse."""
    for name, value in fields.items():
        wanted = types.get(name)
        if wanted is None:
            raise Misuse(
                f'"{name[:40]}" is not known', hint=f"known: {', '.join(filter(None, (also, *types)))}"
            )
        if type(value) not in wanted:
            raise Misuse(f'"{name}" is not {" or ".join(_WORDS[kind] for kind in wanted)}')
        if name == "temperature" and not 0 <= value <= 2:
            raise Misuse('"temperature" is 0 to 2')
        if type(value) is int and not (name == "max_tokens") <= value <= _MOST:
            raise Misuse(f'"{name}" is {"too large" if value > 0 else "too small"}')


def _level(value: str | int) -> str:
    text = str(value)
    if text not in ("off", "low", "medium", "high") and not (
        text.isdecimal() and len(text) <= _LONGEST_LEVEL
    ):
        raise Misuse('"think" is off, low, medium, high, or a number of tokens')
    return text


def _schema(value: dict[str, Any]) -> dict[str, Any]:
    from llmpool.chat import fitting

    fitting.check(value, '"schema"')
    return value


def _listed(value: str | list[Any], name: str) -> tuple[str, ...]:
    """Return texts in a list, or the one text; raises Misuse for anything else."""
    found = [value] if isinstance(value, str) else value
    if not all(isinstance(each, str) for each in found):
        raise Misuse(f'"{name}" is not a list of texts')
    return tuple(found)


def _needs(value: str | list[Any]) -> tuple[str, ...]:
    given = value.split(",") if isinstance(value, str) else _listed(value, "needs")
    names = [ALSO_TYPED.get(name.strip(), name.strip()) for name in given if name.strip()]
    for name in names:
        if name not in CAPABILITIES:
            raise Misuse(f'"needs" {name[:40]!r} is not known', hint=f"known: {', '.join(CAPABILITIES)}")
    return tuple(names)
