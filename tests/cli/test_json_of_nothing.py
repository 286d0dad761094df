"""Documents of what is not there: they fit their schema too, which the home holds each to."""

from __future__ import annotations

import pytest

from tests.support import Home, model, provider

NOTHING = {
    "usage prune --keep 0 --dry-run": ("before",),
    "usage prices set --default 1 2": ("target",),
    "usage prices unset --default": ("unset", 0, "target"),
    "models list --registry": ("updated_at",),
    "usage --until yesterday": ("today",),
}


@pytest.mark.parametrize("line", NOTHING)
def test_what_is_not_there_is_null_or_missing_as_its_schema_says(home: Home, line: str) -> None:
    """Whoever reads documents by their schemas is told of it."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1"), model("sky/m"))
    if "unset" in line:
        home.here("usage", "prices", "set", "--default", "1", "2")
    found = home.here(*line.split(), "--json").json
    *above, last = NOTHING[line]
    for name in above:
        found = found[name]
    assert found.get(last) is None
