"""`llmpool` alone where something is wrong: the first line to type is the one that mends it."""

from __future__ import annotations

import json

from tests.support import Home, closed_port, provider


def test_a_config_that_is_none_comes_first(home: Home) -> None:
    """Whatever else is known, nothing runs before the config is mended."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), "[routing")
    result = home.here()
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("llmpool: config.toml has 1 problem\n\n  llmpool config check ")


def test_when_nobody_answers_it_says_so(home: Home) -> None:
    """A pool whose servers were all out of reach is looked at before it is asked."""
    home.write_config(provider("den", f"http://127.0.0.1:{closed_port()}/v1"))
    assert home.here("refresh").code == 9
    result = home.here()
    assert (result.code, result.out) == (2, "")
    told = "1 provider, and none could be reached at the last try"
    assert result.err.startswith(f"llmpool: {told}\n\n  llmpool providers list ")


def test_a_state_that_cannot_be_read_is_no_reason_to_say_nothing(home: Home) -> None:
    """What can be done is told all the same."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"))
    home.state.mkdir(parents=True)
    (home.state / "health.json").write_text(json.dumps({"version": 99, "data": {}}))
    result = home.here()
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("all commands: llmpool --help\n")
