"""Whatever a config looks like and whatever is edited: comments and all other values stay."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.config.edit import with_value, without
from llmpool.config.scan import scan
from llmpool.config.written import key_text, value_text

KEYS = st.sampled_from(["a", "b", "c d", "é", 'q"t', "x.y"])
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0.5, -1e30, 1e-9]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["# no comment", '"""', "]", "}", "'", "\\", "=\n["]),
)
COMMENTS = st.sampled_from(["", "", " # why", "# = [", '#"', "  #}"])
GAPS = st.sampled_from(["", "", "\n", "# alone\n", "  # deep\n\n", "\n# leads on\n"])


@st.composite
def long_arrays(draw: Any, values: Any) -> str:
    """Write an array over several lines, comments inside."""
    items = draw(st.lists(st.tuples(values, COMMENTS, GAPS), max_size=3))
    text = "[" + draw(COMMENTS) + "\n"
    for place, (item, comment, gap) in enumerate(items):
        last = place + 1 == len(items)
        text += f"  {value_text(item)}{',' if not last or draw(st.booleans()) else ''}{comment}\n{gap}"
    return text + "]"


INLINE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
VALUES = st.one_of(INLINE.map(value_text), long_arrays(INLINE), st.just('"""\ntwo # lines\n"""'))


@st.composite
def bodies(draw: Any) -> str:
    """Write the pairs of a table; some keys are dotted."""
    text = ""
    for key in draw(st.lists(KEYS, max_size=3, unique=True)):
        inner = draw(st.one_of(st.none(), st.lists(KEYS, min_size=1, max_size=2, unique=True)))
        keys = [(key,)] if inner is None else [(key, deeper) for deeper in inner]
        for path in keys:
            indent = draw(st.sampled_from(["", "", "  "]))
            text += f"{draw(GAPS)}{indent}{key_text(path)} = {draw(VALUES)}{draw(COMMENTS)}\n"
    return text + draw(GAPS)


@st.composite
def texts(draw: Any) -> str:
    """Write a whole text: top keys, tables, tables of tables, tables of models."""
    text = draw(bodies())
    names = st.sampled_from(["t", "t.s", "providers.a", "providers.b", "providers.a.p", "u"])
    headers = [f"[{name}]" for name in draw(st.lists(names, max_size=4, unique=True))]
    refs = draw(st.lists(st.sampled_from(["a/m", "b/n:1"]), max_size=2, unique=True))
    for header in draw(st.permutations([*headers, *refs])):
        model = header in refs
        start = f'[[models]]{draw(COMMENTS)}\nid = "{header}"\n' if model else f"{header}{draw(COMMENTS)}\n"
        text += start + draw(bodies())
    text = text if draw(st.booleans()) else text.replace("\r", "").replace("\n", "\r\n")
    return text.rstrip("\r\n") if draw(st.integers(0, 4)) == 0 else text


def parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def paths_of(tree: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List every path of keys; models go by their ids, items of arrays have none."""
    if above == ("models",) and isinstance(tree, list):
        tree = {each["id"]: each for each in tree}
    inner = tree.items() if isinstance(tree, dict) else ()
    return [path for key, value in inner for path in [(*above, key), *paths_of(value, (*above, key))]]


def pruned(tree: Any, above: tuple[str, ...] = ()) -> Any:
    """Leave out tables without keys, unless their name says something, as that of a provider does."""
    if isinstance(tree, list):
        return [pruned(value, (*above, "")) for value in tree]
    if not isinstance(tree, dict):
        return tree
    inner = {key: pruned(value, (*above, key)) for key, value in tree.items()}
    return {key: value for key, value in inner.items() if value != {} or above == ("providers",)}


def changed(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a tree with a value set, or taken out when it is None."""
    tree = copy.deepcopy(tree)
    here: Any = tree
    for key in path[:-1]:
        if isinstance(here, list):
            here = next(each for each in here if each["id"] == key)
        else:
            here = here[key] if value is None else here.setdefault(key, {})
    if value is not None:
        here[path[-1]] = value
    elif isinstance(here, list):
        here.remove(next(each for each in here if each["id"] == path[-1]))
    else:
        del here[path[-1]]
    return {key: item for key, item in tree.items() if key != "models" or item or value is not None}


def comments(text: str) -> list[str]:
    return [text[span.start : span.end].strip() for span in scan(text).comments]


@st.composite
def edits(draw: Any) -> tuple[str, tuple[str, ...], Any]:
    """Draw a text, a path that is there or is new, and a value; None takes it out."""
    text = draw(texts().filter(lambda each: parsed(each) is not None))
    tree = parsed(text) or {}
    known = [path for path in paths_of(tree) if path != ("models",)]
    if known and draw(st.booleans()):
        path = draw(st.sampled_from(known))
        value = draw(st.none() | INLINE)
        return text, path, value if path[-1] != "id" and (path[0] != "models" or len(path) > 2) else None
    tables = [path for path in known if isinstance(at(tree, path), dict)]
    above = draw(st.sampled_from([(), ("routing",), ("groups", "g"), ("providers", "z", "params"), *tables]))
    path = (*above, "new")
    return text, path, draw(INLINE)


def at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = next(each for each in tree if each["id"] == key) if isinstance(tree, list) else tree[key]
    return tree


@settings(max_examples=60)
@given(edits())
def test_one_edit_changes_one_value_and_no_comment(edit: tuple[str, tuple[str, ...], Any]) -> None:
    """After any edit the value is what was asked for, all others are what they were, and comments stand."""
    text, path, value = edit
    if path[0] == "models" and path[-1] == "id":
        return  # a model without its name is nobody's
    after = without(text, path) if value is None else with_value(text, path, value)
    assert pruned(changed(parsed(text) or {}, path, value)) == pruned(parsed(after))
    assert comments(text) == comments(after)


@settings(max_examples=30)
@given(edits())
def test_a_key_set_and_taken_out_leaves_no_trace(edit: tuple[str, tuple[str, ...], Any]) -> None:
    """Setting a new key and taking it out again gives the values of before, and the same comments."""
    text, path, value = edit
    if path[-1] != "new" or value is None:
        return
    again = without(with_value(text, path, value), path)
    assert pruned(parsed(text)).items() <= pruned(parsed(again)).items() or path[0] == "providers"
    assert comments(text) == comments(again)
