"""What a summary says of today."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider


@pytest.mark.parametrize(
    ("span", "is_told"),
    [
        ("--since today", True),
        ("--since 1ms", False),
        ("--until 1ms", False),
        ("--until yesterday", False),
    ],
)
def test_a_part_of_today_is_not_called_today(
    home: Home, server: FakeServer, span: str, is_told: bool
) -> None:
    """What a span has of it is in its total; `Today $0.00` was told of a day that had cost more."""
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("chat", "hi").code == 0
    today = home.here("usage", *span.split(), "--json").json["today"]
    assert (today is not None) == is_told
    assert ("Today" in home.here("usage", *span.split()).out) == is_told


def test_how_a_budget_stands_is_told_beside_a_part_of_today_too(home: Home, server: FakeServer) -> None:
    """It does not depend on the span that is asked for, unless that was over before today."""
    home.write_config(
        provider("den", server.url), model("den/m"), '[budgets.daily]\nlimit = "5"\nper = "day"'
    )
    told = "Today $0.00 of $5.00 (daily)"
    assert told in home.here("usage", "--since", "1h").out
    assert told in home.here("usage").out
    assert told not in home.here("usage", "--until", "yesterday").out
