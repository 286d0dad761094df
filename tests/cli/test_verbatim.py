"""Code and JSON that a terminal shows are what was written, mark by mark: they are no Markdown."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, provider
from tests.ttys import terminals

CODE = "# no heading\ndef f(*args, **kwargs):\n    return `a`, __name__, '**b**'\n- x\n"
JSON = '{"name": "**bold** and _it_ `c`"}\n'


@pytest.mark.parametrize(
    ("options", "text", "shown"),
    [
        (("-x",), f"Here:\n\n```python\n{CODE}```\n", CODE),
        (("--schema", "s.json"), f"```json\n{JSON}```", JSON),
    ],
)
def test_what_is_no_markdown_is_shown_as_it_is(
    home: Home, options: tuple[str, ...], text: str, shown: str
) -> None:
    """Marks of Markdown mean something else in code, and who copies it from the screen wants all of them."""
    (home.cwd / "s.json").write_text('{"type": "object", "required": ["name"]}')
    with FakeServer(["m"], text=text) as server:
        home.write_config(provider("den", server.url))
        assert home.here("refresh").code == 0
        with terminals():
            result = home.here("chat", *options, "hi")
    assert result.out == shown
