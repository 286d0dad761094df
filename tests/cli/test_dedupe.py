"""`llmpool providers dedupe`: shown first, done when asked."""

from __future__ import annotations

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
