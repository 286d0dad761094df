"""JSON as a tree that can be broken where no parser would let it: keys twice, numbers no float holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fuzz.plan import Step


class Raw(str):
    """A value as it stands in the text, whether JSON has such a thing or not."""

    __slots__ = ()


class Pairs(list[Any]):
    """An object as the list of its entries, `[key, value]`; a key may be there twice."""


def nested(depth: int) -> Raw:
    """Write an object so deep: half of lists, half of objects."""
    return Raw('[{"a":' * (depth // 2) + "1" + "}]" * (depth // 2))


NESTED = Raw("[" * 3000 + "]" * 3000)
EVIL: tuple[Any, ...] = tuple(
    Raw(text)
    for text in (
        *("null", "true", "false", "0", "-1", "1", "-0.0", "1.5", "1e999", "-1e999", "NaN", "-Infinity"),
        *("1e308", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 30),
        *("9" * 4300, "9" * 4301, "1e-999", "253402300800", "1e15", "1e400", "4102444800000", "0.1", "600"),
        *('""', '" "', '"x"', '"\\u0000"', '"\\u001b[31m\\r\\u0007"', '"\\u202e\\u200b"', '"\\ud800"'),
        *('"\\udc00\\ud800"', '"a/b"', '"../../x"', '"' + "y" * 5000 + '"', '"2026-11-21T03:44:00Z"'),
        *('"9999-12-31T23:59:59Z"', '"0000-00-00T00:00:00Z"', '"2026-11-21"', '"NaN"', '"1e999"', '"-5"'),
        *('"\\u0661\\u0662"', '"\\u00b2"', '"1_000"', '" 12 "', '"+1"', '"0x10"', '"1e5"', '"Infinity"'),
        *('"1e999999999"', '"0.1"', '"1,5"', '"true"', '"' + "9" * 5000 + '"', '"10s"', '"data:image/png,x"'),
        *('"https://x/y"', '"http://[::1"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"'),
        *("[]", "{}", "[[]]", "[null]", "[{}]", '{"":null}', '{"a":[]}', "[1,2,3]", '["x",1,null,{}]'),
        *('{"error":"x"}', '{"message":[{"msg":null}]}', '[["a",[]],0]', '{"type":"error","code":429}'),
        str(NESTED),
        *(nested(depth) for depth in (90, 200, 330, 480, 700, 900, 985)),
    )
)
KEYS = (
    "",
    "id",
    "name",
    "error",
    "type",
    "\x00",
    "\x1b]0;x\x07",
    "\ud800",
    "é" * 300,
    "1",
    "a/b",
    "__proto__",
)


def parsed(text: str) -> Any:
    """Read *text* as a tree whose objects are `Pairs`."""
    return json.loads(text, object_pairs_hook=lambda pairs: Pairs([key, value] for key, value in pairs))


def written(value: Any) -> str:
    """Write a tree down, `Raw` as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{written(each)}" for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def mutated(tree: Any, steps: tuple[Step, ...]) -> Any:
    """Carry out *steps* on a tree of its own."""
    root = [tree]  # so that the tree itself has a place, too
    for step in steps:
        places = list(_places(root))
        if not places:
            break
        holder, at = places[step.place % len(places)]
        _ACTS[step.kind % len(_ACTS)](holder, at, step.value, places)
    return root[0] if root else Raw("")


def _places(root: Any) -> Iterator[tuple[Any, int]]:
    """Every place where a value stands: its container, and which of its entries it is."""
    open_ones = [root]
    while open_ones:
        holder = open_ones.pop()
        for at in range(len(holder)):
            yield holder, at
            if isinstance(value := _value(holder, at), list):
                open_ones.append(value)


def _value(holder: Any, at: int) -> Any:
    return holder[at][1] if isinstance(holder, Pairs) else holder[at]


def _put(holder: Any, at: int, value: Any) -> None:
    if isinstance(holder, Pairs):
        holder[at] = [holder[at][0], value]
    else:
        holder[at] = value


def _replace(holder: Any, at: int, value: int, _places: Any) -> None:
    _put(holder, at, EVIL[value % len(EVIL)])


def _drop(holder: Any, at: int, _value_: int, _places: Any) -> None:
    del holder[at]


def _double(holder: Any, at: int, value: int, _places: Any) -> None:
    entry = holder[at]
    if isinstance(holder, Pairs) and value % 2:
        entry = [entry[0], EVIL[value // 2 % len(EVIL)]]
    holder.insert(at + value % 3, entry)


def _wrap(holder: Any, at: int, value: int, _places: Any) -> None:
    found = _value(holder, at)
    if isinstance(found, list) and found and value % 3 == 0:
        _put(holder, at, _value(found, 0))
    else:
        _put(holder, at, [found] if value % 2 else Pairs([[KEYS[value // 2 % len(KEYS)], found]]))


def _rename(holder: Any, at: int, value: int, places: Any) -> None:
    if isinstance(holder, Pairs):
        others = [each[place][0] for each, place in places if isinstance(each, Pairs)]
        names = (*KEYS, *others)
        holder[at] = [names[value % len(names)], holder[at][1]]
    else:
        _replace(holder, at, value, places)


def _copy(holder: Any, at: int, value: int, places: Any) -> None:
    """Put what stands elsewhere here; no ring is made of it: what is copied is written down first."""
    other, place = places[value % len(places)]
    text = written(_value(other, place))
    _put(holder, at, Raw(text if len(text) < 20_000 else "[]"))


def _add(holder: Any, at: int, value: int, _places: Any) -> None:
    evil = EVIL[value % len(EVIL)]
    holder.insert(at, [KEYS[value // 7 % len(KEYS)], evil] if isinstance(holder, Pairs) else evil)


def _tweak(holder: Any, at: int, value: int, places: Any) -> None:
    """Change a number or a text a little, so that it gets further than a wild one."""
    found = _value(holder, at)
    if isinstance(found, Raw) or found is None or isinstance(found, (bool, list)):
        _replace(holder, at, value, places)
    elif isinstance(found, str):
        cut = value % (len(found) + 1)
        _put(holder, at, found[:cut] + _BITS[value % len(_BITS)] + found[cut + value % 2 :])
    else:
        more = (found * 10**9, -found, found + 1, 0, Raw(f'"{found}"'), Raw(f"{found}e3"))
        _put(holder, at, more[value % 6] if abs(found) < 1e30 else 0)


_BITS = (
    "",
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\n",
    "\r\n",
    "/",
    "é",
    " ",
    "9",
    "-",
    ".",
    "e9",
    "*",
    "[",
    "\ud83d",
    "\x85",
)
_ACTS = (_replace, _replace, _replace, _drop, _double, _wrap, _rename, _copy, _add, _tweak, _tweak)
