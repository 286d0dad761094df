"""`llmpool providers dedupe`: shown first, done when asked."""

from __future__ import annotations

import json

from tests.support import Home

TEXT = """# mine
[providers.den]
url = "http://127.0.0.1:9/v1"
[providers.den2]  # again
url = "http://localhost:9"
[groups.g]
providers = ["den2"]
"""


def test_a_preview_changes_nothing_and_a_yes_does_it(home: Home) -> None:
    """--dry-run shows who stays and what moves; off a terminal only --yes merges; then there is nothing."""
    home.config.write_text(TEXT)
    shown = home.here("providers", "dedupe", "--dry-run", "--json")
    assert shown.json["merges"] == [
        {
            "kept": "den",
            "removed": ["den2"],
            "server": "http://127.0.0.1:9/v1",
            "moved": ["groups.g.providers"],
            "dropped": [],
        }
    ]
    refused = home.here("providers", "dedupe")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert "den2 -> den" in refused.err
    assert home.config.read_text() == TEXT
    done = home.here("providers", "dedupe", "--yes")
    assert (done.code, done.out) == (0, "")
    assert home.config.read_text() == (
        '# mine\n[providers.den]\nurl = "http://127.0.0.1:9/v1"\n# again\n[groups.g]\nproviders = ["den"]\n'
    )
    assert "no two providers" in home.here("providers", "dedupe").err


def test_a_price_that_the_owner_set_stays_in_force(home: Home) -> None:
    """What a model costs is its owner's word under whatever id; that of the one that stays comes first."""
    home.config.write_text(TEXT)
    for ref, price in (("den2/m", "3"), ("den2/both", "4"), ("den/both", "5"), ("m", "9")):
        assert home.here("usage", "prices", "set", ref, "--input", price, "--output", price).code == 0
    (merge,) = home.here("providers", "dedupe", "--yes", "--json").json["merges"]
    assert merge["moved"] == ["groups.g.providers", "price den2/m -> den/m"]
    assert merge["dropped"] == ["price of den2/both; den/both has one"]
    found = json.loads((home.state / "prices.json").read_text())["data"]["custom"]
    assert {ref: each["input"] for ref, each in found.items()} == {"den/both": "5", "den/m": "3", "m": "9"}
