"""Keys that llmpool keeps are used: encrypted ones too, counted, and one that is shut harms no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.ids import key_digest
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider

SECOND = "sk-second-0123456789abcdefghijklmnop"
STATE_KEY = {"LLMPOOL_STATE_KEY": "the words that seal it"}


@pytest.fixture
def mine(home: Home, server: FakeServer) -> Home:
    """Give a home whose one provider has an encrypted key in secrets.json."""
    home.write_config(provider("work", server.url), model("work/m"))
    added = home.here("providers", "keys", "add", "work", "--key-stdin", stdin=PLANTED_KEY, env=STATE_KEY)
    assert added.code == 0, added
    assert home.files_with(PLANTED_KEY) == []
    return home


def rows(home: Home) -> list[dict[str, Any]]:
    """Return the keys as they stand."""
    found: list[dict[str, Any]] = home.here("providers", "keys", "list", "--json").json["keys"]
    return found


def test_an_encrypted_key_is_opened_for_a_call_and_counted(mine: Home, server: FakeServer) -> None:
    """The server gets the key; uses and the last one stand in the list and in `providers show`."""
    assert mine.here("chat", "hi", env=STATE_KEY).code == 0
    assert server.chats[-1].headers["authorization"] == f"Bearer {PLANTED_KEY}"
    (row,) = rows(mine)
    assert (row["usage_count"], row["last_used"] is not None, row["mask"]) == (1, True, "sk-plant...mnop")
    (shown,) = mine.here("providers", "show", "work", "--json").json["provider"]["keys"]
    assert (shown["usage_count"], shown["last_used"]) == (1, row["last_used"])
    assert mine.files_with(PLANTED_KEY) == []


def test_without_the_state_key_the_error_names_it(mine: Home, server: FakeServer) -> None:
    """Exit 5 (example 26); with another key beside it that one is used, and with the wrong one likewise."""
    shut = mine.here("chat", "hi", "--json")
    assert shut.code == 5
    assert 'key "default" in' in shut.error["message"]
    assert "is encrypted, and its state key is not here" in shut.error["message"]
    assert mine.here("providers", "keys", "add", "work", "--env", "WORK", env={"WORK": SECOND}).code == 0
    for env in ({"WORK": SECOND}, {"WORK": SECOND, "LLMPOOL_STATE_KEY": "wrong"}):
        passed = mine.here("chat", "--json", "hi", env=env)
        assert [(each["key"], each["ok"]) for each in passed.json["attempts"]] == [
            ("default", False),
            ("2", True),
        ]
        assert server.chats[-1].headers["authorization"] == f"Bearer {SECOND}"
    assert [row["usage_count"] for row in rows(mine)] == [0, 2]
    told = mine.here("refresh", env={"WORK": SECOND})
    assert (told.code, told.err.count('warning: work: key "default" in')) == (0, 1)


def test_no_digest_leaves_the_state(mine: Home) -> None:
    """It tells whether somebody has a key, so it is shown nowhere (3.6); keys.json alone holds it."""
    digest = key_digest(PLANTED_KEY)
    assert mine.files_with(digest) == ["state/keys.json"]
    runs = (
        ("providers", "keys", "list", "--json"),
        ("providers", "show", "work", "--json"),
        ("config", "show"),
    )
    assert not any(mine.here(*run, env=STATE_KEY).shows(digest) for run in runs)


def test_what_lies_in_the_clear_is_encrypted_by_the_next_write(home: Home, server: FakeServer) -> None:
    """As soon as there is a state key; until then it loads as it is (3.5)."""
    home.write_config(provider("work", server.url), model("work/m"))
    add = ("providers", "keys", "add", "work", "--key-stdin")
    home.here(*add, "--plaintext", stdin=PLANTED_KEY)
    assert home.here("chat", "hi", env=STATE_KEY).code == 0
    assert home.files_with(PLANTED_KEY) == ["secrets.json"]
    home.here(*add, stdin=SECOND, env=STATE_KEY)
    assert (home.files_with(PLANTED_KEY), home.files_with(SECOND)) == ([], [])
    held = json.loads((home.dir / "secrets.json").read_text())["data"]
    assert all(value.startswith("enc:v1:") for value in held["keys"]["work"].values())
    assert "plaintext" not in held


def test_a_key_that_the_file_lacks_is_not_ok(home: Home) -> None:
    """The list says so without looking at any key; what the keyring has is not looked at."""
    keys = [{"label": "f", "file": True}, {"label": "k", "keyring": True}]
    home.write_config(provider("work", "http://127.0.0.1:9", keys=keys))
    told = [(row["label"], row["state"], row["reason"]) for row in rows(home)]
    assert told == [("f", "not set", "secrets.json has none"), ("k", "ok", None)]


def test_a_refused_key_comes_with_the_way_to_another(mine: Home) -> None:
    """The error of a chat names the commands that show where the key is from, and replace it."""
    with FakeServer(key="sk-another-0123456789") as strict:
        mine.write_config(provider("work", strict.url, key={"env": "WORK"}))
        refused = mine.here("chat", "-m", "work/m", "hi", env={"WORK": SECOND})
    assert refused.code == 5
    assert "llmpool providers keys list work    tells" in refused.err
    assert "llmpool providers keys replace work" in refused.err


def test_a_refused_key_says_nothing_of_one_that_was_only_too_fast(home: Home) -> None:
    """Whose other key may not be asked for one model just now may be asked for the next of its models."""

    def behave(_number: int, request: Request) -> Behaviour | None:
        if SECOND in request.headers["authorization"]:
            return faults.status(401)
        too_fast = faults.status(429, {"retry-after": "600"})
        return too_fast if request.json["model"] == "fast" else None

    keys = [{"label": "a", "env": "A"}, {"label": "b", "env": "B"}]
    with FakeServer(["fast", "slow"], behave=behave) as running:
        home.write_config(
            '[routing]\nfallbacks = ["work/slow"]',
            provider("work", running.url, keys=keys, key_rotation="first"),
            model("work/fast", quality=9),
            model("work/slow", quality=1),
        )
        variables = {"A": PLANTED_KEY, "B": SECOND}
        done = home.here("chat", "--min-quality", "1", "--json", "hi", env=variables)
    assert [(each["deployment"], each["key"]) for each in done.json["attempts"]] == [
        ("work/fast", "a"),
        ("work/fast", "b"),
        ("work/slow", "a"),
    ]


def test_a_label_is_one_word_of_the_commands_that_are_told(home: Home) -> None:
    """Whoever calls a key `my own` can copy them; a shell would have taken its second word apart."""
    home.write_config(provider("work", "http://127.0.0.1:9/v1"), model("work/m"))
    add = ("providers", "keys", "add", "work", "--label", "my own", "--env", "B")
    assert "llmpool providers verify work --key 'my own'" in home.here(*add, env={"B": SECOND}).err
    taken = home.here(*add[:-1], "C", env={"B": SECOND, "C": PLANTED_KEY})
    assert "llmpool providers keys replace work 'my own'" in taken.err
