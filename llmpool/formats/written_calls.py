"""Tool calls that a model writes as text, as many do behind a server that cannot read them for it.

Six shapes are known (catalog-registry-router 7.9): one object, an array of them, several in a row, each in
`<tool_call>` tags, in a fence, and `name {json}`. An object names a tool that was offered, and its arguments
as an object under `arguments` or `parameters`, bare or packed as JSON text. All of a text is calls or none of
it is: what stands ahead of a tag or of a json fence stays text, and a word behind makes text of everything.

Who is listened to, after the families there: whatever speaks `openai`, `ollama` or `lmstudio`. The other
formats have a place of their own for calls and no server in between that might miss them; Claude and gpt-oss
call natively wherever they run. An answer that has to fit a schema is JSON by order, and never a call.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from llmpool.core.chat import ChatRequest, Delta, ToolDelta
from llmpool.formats.base import DEEPEST, HALVES, mapping

FORMATS = ("openai", "ollama", "lmstudio")
NATIVE = ("claude", "gpt-oss")
OPENERS = ("<tool_call>", "```json", "```tool_call")  # what a call may begin with behind a sentence
_MARKS = (*OPENERS, "</tool_call>", "```")  # what may stand around calls
_LONGEST = max(map(len, _MARKS))
_OPENER = re.compile("|".join(map(re.escape, OPENERS)))
_BLANK, _BETWEEN = re.compile(r"\s*"), re.compile(r"[\s,;]*")
_KEYS = ("name", "arguments", "parameters", "function", "type", "id")
_AROUND = frozenset({"function", "type", "id"})  # of a call as OpenAI wraps it
_HEAD = re.compile(  # of an object, or of the first one in an array, as far as it has come
    r'(?:\[\s{0,99})?(?:\{\s{0,99}(?:"(?P<key>[a-z]*)(?P<closed>"\s{0,99}'
    r'(?::\s{0,99}(?:"(?P<name>[^"\\]*)(?P<whole>")?)?)?)?)?)?'
)
_OUTSIDE, _INSIDE = re.compile(r'["\[\]{}]'), re.compile(r'["\\]')


def _begun(word: str) -> str:
    """Write a pattern for *word* or however much of its beginning there is."""
    return re.escape(word[0]) + (f"(?:{_begun(word[1:])})?" if word[1:] else "")


_HALF = re.compile(rf"(?:{'|'.join(map(_begun, OPENERS))})\Z")


class WrittenCall(NamedTuple):
    """A call as it was written; *arguments* is JSON text, *id* mostly empty."""

    name: str
    arguments: str
    id: str = ""


def watch(wire: str, model: str, request: ChatRequest) -> Watch | None:
    """Return what listens to an answer for calls of the tools that *request* offers, where that is needed."""
    native = wire not in FORMATS or any(family in model.lower() for family in NATIVE)
    if native or request.schema is not None or request.tool_choice == "none":
        return None
    named = (mapping(tool.get("function")) or tool for tool in request.tools)
    return Watch(str(function["name"]) for function in named if function.get("name"))


class Watch:
    """An answer's text as it comes, cut anywhere; what may still turn out to be a call is held back.

    Each character is looked at a few times at most, however the pieces are cut.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        longest_first = sorted(self._names, key=lambda name: (-len(name), name))
        self._named = re.compile(rf"({'|'.join(map(re.escape, longest_first))})\s{{0,99}}(\{{)?")
        self._longest = max(map(len, longest_first), default=0)
        self._state = "calls" if self._names else "over"  # or text, value
        self._calls: list[WrittenCall] = []
        self._kept: list[str] = []  # what was read and may be a call
        self._tail = ""  # what was not read yet, for want of what follows
        self._name = ""  # of the tool, where it stands ahead of its arguments
        self._value: list[str] = []
        self._brackets = _Brackets()

    def piece(self, delta: Delta) -> Delta:
        """Return a piece of an answer without what is held back, the last one with the calls that were found.

        A native call ends it: whoever makes one means what it writes as text.
        """
        if self._state == "over":
            return delta
        if delta.tools:
            return delta.replace(text=self.give_up() + delta.text)
        text = self.feed(delta.text) if delta.text else ""
        if not delta.finish:
            return delta.replace(text=text)
        calls, rest = self.end()
        finish = "tools" if calls and delta.finish == "stop" else delta.finish
        tools = tuple(
            ToolDelta(place, call.id or f"call_{place}", call.name, call.arguments)
            for place, call in enumerate(calls)
        )
        return delta.replace(text=text + rest, tools=delta.tools + tools, finish=finish)

    def feed(self, text: str) -> str:
        """Take the next piece of the text; return what is no call, to be shown now."""
        return "".join(self._read(text, final=False))

    def end(self) -> tuple[list[WrittenCall], str]:
        """Return the calls, and what was held back and is none."""
        said = "".join(self._read("", final=True))
        calls = self._calls if self._state == "calls" and not self._tail else []
        if calls:
            self._kept, self._state = [], "over"
        return calls, said + self.give_up()

    def give_up(self) -> str:
        """Listen no more, and return what was held back."""
        held = "".join(self._kept) + self._tail
        self._state, self._kept, self._tail = "over", [], ""
        return held

    def _read(self, text: str, *, final: bool) -> Iterator[str]:
        """Read on for as long as it is clear how; yield what turns out to be text."""
        text, at, kept, known = self._tail + text, 0, 0, True
        while known:
            free, at, known = self._step(text, at, final)
            if free >= 0:
                yield from self._kept
                yield text[kept:free]
                self._kept, kept = [], free
        self._kept.append(text[kept:at])
        self._tail = text[at:]

    def _step(self, text: str, at: int, final: bool) -> Step:
        if self._state == "calls":
            return self._between(text, at, final)
        if self._state == "value":
            return self._in_value(text, at)
        if self._state == "text":
            return self._in_text(text, at)
        return Step(len(text), len(text), known=False)

    def _in_text(self, text: str, at: int) -> Step:
        """Look for what a call may begin with behind a sentence; the end of *text* may be half of it."""
        found = _OPENER.search(text, at)
        if found:
            self._state = "calls"
            return Step(found.start(), found.end())
        half = _HALF.search(text, max(at, len(text) - _LONGEST))
        free = half.start() if half else len(text)
        return Step(free, free, known=False)

    def _between(self, text: str, at: int, final: bool) -> Step:
        """Pass over what may stand around calls, up to the next one."""
        blank = (_BETWEEN if self._calls else _BLANK).match(text, at)
        at = blank.end() if blank else at
        ahead = text[at : at + _LONGEST]
        grows = any(len(ahead) < len(mark) and mark.startswith(ahead) for mark in _MARKS)
        if not ahead or (grows and not final):
            return Step(-1, at, known=False)
        mark = max((mark for mark in _MARKS if ahead.startswith(mark)), key=len, default="")
        if mark:
            return Step(-1, at + len(mark))
        return self._bare(text, at) if ahead[0] in "{[" else self._after_name(text, at)

    def _bare(self, text: str, at: int) -> Step:
        """Begin with a value that names its tool itself."""
        fits = _fits(text, at, self._names)
        if fits is None:
            return Step(-1, at, known=False)
        return self._begin("", at) if fits else self._no_call(at)

    def _after_name(self, text: str, at: int) -> Step:
        """Begin with the arguments that follow the name of a tool."""
        found = self._named.match(text, at)
        if found and found[2]:
            return self._begin(found[1], found.start(2))
        ahead = text[at : at + self._longest]
        more = at + len(ahead) == len(text) and any(name.startswith(ahead) for name in self._names)
        if more or (found and found.end() == len(text)):
            return Step(-1, at, known=False)
        return self._no_call(at)

    def _begin(self, name: str, at: int) -> Step:
        self._state, self._name, self._value, self._brackets = "value", name, [], _Brackets()
        return Step(-1, at)

    def _in_value(self, text: str, at: int) -> Step:
        """Read up to the end of a value, and see whether it is a call."""
        end = self._brackets.pass_over(text, at)
        self._value.append(text[at:end])
        if 0 < self._brackets.depth <= DEEPEST:
            return Step(-1, end, known=False)
        calls = () if self._brackets.depth else _calls("".join(self._value), self._name, self._names)
        if not calls:
            return self._no_call(end)
        self._calls += calls
        self._state = "calls"
        return Step(-1, end)

    def _no_call(self, at: int) -> Step:
        """Take all up to here for text; where there was a call before, what follows is text as well."""
        self._state = "over" if self._calls else "text"
        return Step(at, at)


class Step(NamedTuple):
    """How far one step got: *free* ends what is text for sure (-1: nothing), *at* what was read.

    What is not *known* depends on what follows.
    """

    free: int
    at: int
    known: bool = True


class _Brackets:
    """How deep in a value a text has come; brackets in its words do not count."""

    def __init__(self) -> None:
        self.depth = 0
        self._inside = False  # a word
        self._escaped = False

    def pass_over(self, text: str, at: int) -> int:
        """Read on from *at*; return where the value ends or is too deep, else where *text* ends."""
        while True:
            if self._escaped and at < len(text):
                self._escaped, at = False, at + 1
            found = (_INSIDE if self._inside else _OUTSIDE).search(text, at)
            if not found:
                return len(text)
            at, mark = found.end(), found[0]
            if mark == '"':
                self._inside = not self._inside
            elif mark == "\\":
                self._escaped = True
            else:
                self.depth += 1 if mark in "{[" else -1
                if not 0 < self.depth <= DEEPEST:
                    return at


def _fits(text: str, at: int, names: frozenset[str]) -> bool | None:
    """Say whether a value that begins at *at* may be a call; None where *text* ends too early to tell."""
    head = _HEAD.match(text, at)
    if head is None:  # it fits nothing at all, too
        return False
    key, closed, name, cut = head["key"], head["closed"], head["name"], head.end() == len(text)
    if closed is None:
        begun = key is None or any(each.startswith(key) for each in _KEYS)
        return None if cut and begun else False
    if key != "name":
        return key in _KEYS
    if head["whole"]:
        return name in names
    begun = name is None or any(each.startswith(name) for each in names)
    return None if cut and begun else False


def _calls(text: str, name: str, names: frozenset[str]) -> tuple[WrittenCall, ...]:
    """Read the calls of one JSON value, or the arguments of the tool *name*; all of them or none."""
    try:
        value = _DECODER.decode(text)
        if name:
            return (WrittenCall(name, _written(value)),)
        return tuple(_call(entry, names) for entry in (value if isinstance(value, list) else [value]))
    except (ValueError, RecursionError):
        return ()


def _call(entry: Any, names: frozenset[str]) -> WrittenCall:
    """Read one call; raises ValueError for what is none, or says more than a call does."""
    fields = mapping(entry)
    inner, identity = fields.get("function"), fields.get("id", "")
    wrapped = isinstance(inner, dict)
    _refuse_if(not fields or bool(fields.keys() - (_AROUND if wrapped else set(_KEYS))))
    _refuse_if(fields.get("type", "function") != "function" or not isinstance(identity, str))
    said = mapping(inner) if wrapped else {word: fields[word] for word in fields.keys() - {"type", "id"}}
    named = [said[word] for word in ("name", *(() if wrapped else ("function",))) if word in said]
    given = [said[word] for word in ("arguments", "parameters") if word in said]
    _refuse_if(len(said) != 2 or len(named) != 1 or len(given) != 1)
    _refuse_if(not isinstance(named[0], str) or named[0] not in names)
    return WrittenCall(named[0], _written(given[0]), identity)


def _written(given: Any) -> str:
    """Write arguments as JSON text; raises ValueError where they are no object."""
    if isinstance(given, str):
        brackets = _Brackets()
        _refuse_if(brackets.pass_over(given, 0) < len(given.rstrip()) or brackets.depth != 0)
        given = _DECODER.decode(given)
    _refuse_if(not isinstance(given, dict))
    text = json.dumps(given, ensure_ascii=False)
    return json.dumps(given) if HALVES.search(text) else text


def _refuse_if(wrong: bool) -> None:
    if wrong:
        raise ValueError("no call")


def _finite(digits: str) -> float:
    number = float(digits)
    _refuse_if(not math.isfinite(number))
    return number


def _constant(name: str) -> Any:
    raise ValueError(name)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; of a key that is there twice, one value would be lost."""
    fields = dict(pairs)
    _refuse_if(len(fields) != len(pairs))
    return fields


# line ends in words are no JSON, and yet what models write there
_DECODER = json.JSONDecoder(
    parse_float=_finite, parse_constant=_constant, object_pairs_hook=_once_each, strict=False
)
