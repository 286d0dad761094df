"""`llmpool providers`: how each of them stands, told without the network; and commands that change them."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from llmpool.core.times import rfc3339
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, finish, model, provider


def rest(home: Home, name: str, seconds: float) -> None:
    """Put a provider into a cooldown that ends in so many seconds."""
    path = home.state / "health.json"
    document = json.loads(path.read_text())
    entry = {"until": time.time() + seconds, "seconds": 600.0, "reason": "rate_limit"}
    document["data"]["cooldowns"][f"provider:{name}"] = entry
    path.write_text(json.dumps(document))


def by_id(home: Home) -> dict[str, Any]:
    """Run `providers list --json` and return the rows by id."""
    return {row["id"]: row for row in home.here("providers", "--json").json["providers"]}


def test_the_list_tells_how_each_of_them_stands(home: Home) -> None:
    """State, last check, last error, readiness and its kind, latency; local and cloud are counted."""
    with FakeServer(["a", "b"]) as server:
        away = f"http://127.0.0.1:{closed_port()}/v1"
        home.write_config(
            'default_model = "away/x"',
            provider("away", away, location="cloud"),
            provider("den", server.url),
            provider("off", server.url, enabled=False),
            provider("slow", server.url, location="cloud"),
            "[providers.openai]\n",
        )
        before = home.here("providers", "list")
        assert "no provider was ever asked what it has.  run: llmpool refresh" in before.err
        assert {row["readiness"] for row in by_id(home).values()} == {"pending", "error", None}
        home.here("refresh")
        asked = len(server.requests)
        rest(home, "slow", 230)
        shown = home.here("providers", "list")
        document = home.here("providers", "list", "--json").json
        assert len(server.requests) == asked  # no network
    assert document["counts"] == {
        "local": 1,
        "cloud": 3,
        "disabled": 1,
        "inactive": 0,
        "ready": 2,
        "models": 4,
    }
    rows = {row["id"]: row for row in document["providers"]}
    told = {name: (row["state"], row["readiness"], row["error_kind"]) for name, row in rows.items()}
    assert told == {
        "away": ("down", "error", "unreachable"),
        "den": ("ok", "ready", None),
        "off": ("disabled", None, None),
        "openai": ("no key", "error", "api_key_missing"),
        "slow": ("down", "ready", None),
    }
    assert rows["away"]["last_error"].endswith("connection refused")
    assert (rows["away"]["latency_ms"], rows["away"]["seen"]) == (None, None)
    assert isinstance(rows["den"]["latency_ms"], int)
    assert rows["den"]["last_check"] >= rows["den"]["seen"]
    assert rows["slow"]["reason"] == "rests 4 min more after a rate limit"
    assert rows["slow"]["resting_until"] > rfc3339(time.time())
    assert [issue["code"] for issue in document["issues"]] == ["default_provider_unreachable"]
    assert "1 local, 3 cloud, 1 disabled; 4 models" in shown.err
    assert "default_model away/x: away cannot be reached.  run: llmpool providers verify away" in shown.err
    den = next(line for line in shown.out.splitlines() if line.startswith("den"))
    assert den.split("\t")[:5] == ["den", "local", "ok", "2", "none"]


def test_an_inactive_provider_takes_no_part_and_says_so(home: Home, server: FakeServer) -> None:
    """State and reason, left out of the counts; a pool of it alone is shut, as `route` finds by exit 6."""
    home.write_config(provider("den", server.url))
    home.here("refresh")
    home.here("policy", "set", "den", "--state", "inactive", "--reason", "fan is loud")
    document = home.here("providers", "list", "--json").json
    (row,) = document["providers"]
    assert (row["state"], row["readiness"], row["reason"]) == ("inactive", None, "fan is loud")
    assert row["policy"].pop("updated_at").endswith("Z")
    assert row["policy"] == {"state": "inactive", "routable": None, "reason": "fan is loud"}
    none = dict.fromkeys(("local", "cloud", "disabled", "ready", "models"), 0)
    assert document["counts"] == none | {"inactive": 1}
    blocking = [(issue["code"], issue["hint"]) for issue in document["issues"] if issue["blocks"]]
    assert blocking == [("no_active_providers", "llmpool policy clear den")]
    assert home.here("route", "hi").code == 6
    shown = home.here("providers", "list")
    assert shown.out.split("\t")[2::5] == ["inactive", "fan is loud\n"]
    assert "0 local, 0 cloud, 1 inactive; 0 models" in shown.err
    one = home.here("providers", "show", "den").out
    assert re.search(r"^policy +inactive, refused even by name \(fan is loud\), 20", one, re.MULTILINE)
    home.here("policy", "set", "den", "--state", "flagged", "--no-routable")
    row = by_id(home)["den"]
    assert (row["state"], row["readiness"]) == ("ok", "ready")
    assert home.here("providers").out.rstrip("\n").endswith("flagged, only by name: fan is loud")
    assert "no_routable_models" in [each["code"] for each in home.here("providers", "--json").json["issues"]]


def test_show_tells_since_when_and_until_when(home: Home) -> None:
    """A provider that fails after it was well is stale, and says when its models stop being chosen."""
    with FakeServer() as server:
        home.write_config("[routing]\nstale_after = '1d'\n", provider("den", server.url))
        home.here("refresh")
        well = home.here("providers", "show", "den", "--json").json["provider"]
        assert (well["dropped_at"], well["last_success"]) == (None, well["seen"])
    home.here("refresh")
    ill = home.here("providers", "show", "den", "--json").json["provider"]
    assert (ill["last_success"], ill["models"], ill["state"]) == (well["seen"], 1, "down")
    since = time.mktime(time.strptime(ill["stale_since"], "%Y-%m-%dT%H:%M:%SZ"))
    until = time.mktime(time.strptime(ill["dropped_at"], "%Y-%m-%dT%H:%M:%SZ"))
    assert until - since == 86400
    assert "1 stale" in home.here("providers").out
    text = home.here("providers", "show", "den").out
    assert all(label in text for label in ("last check", "last error", "last success", "dropped at"))


def test_a_server_that_lists_nothing_is_never_stale(home: Home) -> None:
    """Declared models of a provider that never listed any do not go out of use with time."""
    with FakeServer(behave_listing=lambda *_: faults.status(500)) as server:
        home.write_config("[routing]\nstale_after = '0s'\n", provider("den", server.url), model("den/m"))
        for _ in range(2):
            assert home.here("refresh").code == 9
        time.sleep(1.1)
        assert by_id(home)["den"]["stale_since"] is None
        assert home.here("route", "hi").out == "den/m\n"


def test_a_terminal_shows_a_table_with_the_count_below(home: Home, server: FakeServer) -> None:
    """Headings, a row each, and one line that sums up."""
    home.write_config(provider("den", server.url))
    home.here("refresh")
    shown = finish(home.terminal("providers", "list", env={"NO_COLOR": "1"})).out
    heading, row, last = re.sub(r"\x1b\[\d*m", "", shown).splitlines()[:3]
    assert heading.split() == ["ID", "WHERE", "STATE", "MODELS", "KEY", "SEEN", "LATENCY"]
    assert row.split()[:5] == ["den", "local", "ok", "1", "none"]
    assert last == "1 local, 0 cloud; 1 model"


def test_set_preview_and_unset(home: Home) -> None:
    """A preview is on stdout and writes nothing; what was done is said; comments stay."""
    home.write_config("# mine\n", provider("den", "http://127.0.0.1:9/v1"))
    before = home.config.read_text()
    wish = ("providers", "set", "den", "--rpm", "60", "--no-verify-tls", "--allow", "a*")
    preview = home.here(*wish, "--dry-run")
    assert "+rate_limit = { rpm = 60 }" in preview.out.splitlines()
    assert "nothing is written" in preview.err
    assert home.config.read_text() == before
    done = home.here(*wish)
    assert (done.code, done.out) == (0, "")
    assert done.err == "den: verify_tls is no, rate_limit.rpm is 60, allowed_models is a*\n"
    again = home.here(
        "providers", "set", "den", "--unset", "rpm", "--optional", "--url", "http://127.0.0.1:8/v1"
    )
    assert "rate_limit.rpm is unset" in again.err
    assert "llmpool refresh den" in again.err
    assert home.config.read_text().startswith("# mine\n")


def test_show_has_what_its_owner_set(home: Home) -> None:
    """Limits and parameters too, as far as they are set; who has one key needs no word on their turns."""
    home.write_config(
        provider("den", "http://127.0.0.1:9/v1", rate_limit={"rpm": 5}, params={"temperature": 0.2}),
        provider("sky", "http://127.0.0.1:9/w"),
    )
    shown = home.here("providers", "show", "den").out
    assert re.search(r"^rate limit +rpm 5, reset tz UTC$", shown, re.MULTILINE)
    assert re.search(r"^params +temperature 0.2$", shown, re.MULTILINE)
    assert not re.search(
        r"^(rate limit|params|key rotation)", home.here("providers", "show", "sky").out, re.MULTILINE
    )


def test_disable_and_remove_say_what_hangs_on_it(home: Home, server: FakeServer) -> None:
    """Before it is gone; off a terminal it takes `--yes`; afterwards the config loads and nothing is left."""
    home.write_config(
        'default_model = "small"',
        provider("den", server.url),
        model("den/m", aliases=["small"]),
        '[groups.family]\nproviders = ["den"]\n',
    )
    home.here("refresh")
    preview = home.here("providers", "disable", "den", "--dry-run")
    assert "+enabled = false" in preview.out
    off = home.here("providers", "disable", "den")
    assert "1 model takes no part" in off.err
    assert 'names it: default_model = "small"' in off.err
    assert by_id(home)["den"]["state"] == "disabled"
    assert "1 model takes part" in home.here("providers", "enable", "den").err
    asked = home.here("providers", "remove", "den")
    assert asked.code == 2
    assert "goes too: [[models]] den/m (alias small)" in asked.err
    gone = home.here("providers", "remove", "den", "--yes")
    assert (gone.code, "den is removed" in gone.err) == (0, True)
    assert by_id(home) == {}
    assert home.here("config", "check").code == 0
    assert "den" not in json.loads((home.state / "inventory.json").read_text())["data"]["providers"]


def test_a_removal_can_be_declined(home: Home) -> None:
    """No is the answer that is taken for granted."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"))
    child = home.terminal("providers", "remove", "den")
    child.expect("y/N")
    child.sendline("")
    assert finish(child).code == 2
    assert list(by_id(home)) == ["den"]


@pytest.mark.parametrize("which", [("den",), ("--all",)])
def test_clear_forgets_a_rest_and_an_error(home: Home, server: FakeServer, which: tuple[str, ...]) -> None:
    """It is chosen again at once."""
    home.write_config(provider("den", server.url))
    home.here("refresh")
    rest(home, "den", 300)
    assert by_id(home)["den"]["state"] == "down"
    assert home.here("providers", "clear", *which).code == 0
    assert by_id(home)["den"]["state"] == "ok"


def test_presets_can_be_searched(home: Home) -> None:
    """By a word of the id, the name, the variable or the URL; nothing found says how to go on."""
    found = home.here("providers", "presets", "GEMINI_API", "--json").json["presets"]
    assert [row["id"] for row in found] == ["google"]
    none = home.here("providers", "presets", "nobody")
    assert (none.code, none.out) == (0, "")
    assert "llmpool providers add ID --url URL" in none.err
