"""`llmpool providers limits`: balances, what answers told of rate limits, and what the config sets."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from llmpool.core.limits import Headroom
from llmpool.state import limits
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, closed_port, finish, model, provider

KEY = {"SECRET": PLANTED_KEY}
ONE = {"label": "one", "env": "SECRET"}
PACIFIC = "America/Los_Angeles"
BALANCE = {
    "balance_infos": [
        {"currency": "CNY", "total_balance": "15.50", "granted_balance": "2", "topped_up_balance": "13.50"}
    ]
}


def vendor(name: str, server: FakeServer, **fields: Any) -> str:
    """Configure a vendor by its preset, at the fake server."""
    url = server.url.removesuffix("/v1")
    return provider(
        name, url, preset=name, format=None, location=None, **({"key": {"env": "SECRET"}} | fields)
    )


def told(server: FakeServer) -> None:
    """Let the server tell accounts of OpenRouter and DeepSeek."""
    server.routes |= {
        "/v1/key": {"data": {"usage": 12.5, "limit": 25, "limit_remaining": 12.5}},
        "/user/balance": BALANCE,
    }


def test_everything_known_is_one_document(home: Home, server: FakeServer) -> None:
    """Accounts, headers and config are told by provider and key; of whom nothing is known is left out."""
    told(server)
    now = time.time()
    limits.update(home.state, "work", "a", [
        Headroom(what="requests", per="minute", limit=60, remaining=0, resets_at=now + 90),
        Headroom(what="tokens", remaining=7),
        Headroom(what="output_tokens", remaining=7, resets_at=now - 3700),
    ], now - 120)  # fmt: skip
    home.write_config(
        vendor("deepseek", server),
        vendor("openrouter", server, key=None, keys=[ONE, {"label": "two", "env": "UNSET"}]),
        provider("work", server.url, rate_limit={"rpm": 60, "tpd": 2_000_000, "reset_tz": PACIFIC}),
        provider("den", server.url),
        provider("off", server.url, enabled=False, rate_limit={"rpm": 1}),
        model("work/m", rate_limit={"rpm": 10}),
    )  # fmt: skip
    result = home.here("providers", "limits", "--json", env=KEY)
    assert result.code == 0
    shown = result.json
    assert shown["schema"] == 1
    assert shown["failed"] == []
    lines = {(line["provider"], line["key"]): line for line in shown["limits"]}
    assert list(lines) == [("deepseek", "default"), ("openrouter", "one"), ("work", "a"), ("work", None)]
    balance = lines["deepseek", "default"]
    assert (balance["kind"], balance["primary"], balance["windows"]) == ("balance", "remaining", [])
    assert balance["items"] == [
        {"key": "remaining", "value": "15.5", "currency": "CNY"},
        {"key": "granted", "value": "2", "currency": "CNY"},
        {"key": "topped_up", "value": "13.5", "currency": "CNY"},
    ]
    assert balance["fetched_at"].endswith("Z")
    assert lines["openrouter", "one"]["items"][0] == {"key": "remaining", "value": "12.5", "currency": "USD"}
    minute, tokens = lines["work", "a"]["windows"]
    assert {
        "what": "requests",
        "per": "minute",
        "limit": 60,
        "remaining": 0,
        "source": "headers",
    }.items() <= minute.items()
    assert minute["resets_at"].endswith("Z")
    assert (tokens["per"], tokens["limit"], tokens["resets_at"]) == (None, None, None)
    rpm, tpd, own = lines["work", None]["windows"]
    assert (rpm["limit"], rpm["remaining"], rpm["source"], rpm["seen_at"]) == (60, 60, "config", None)
    assert (tpd["what"], tpd["per"], tpd["reset_tz"]) == ("tokens", "day", PACIFIC)
    assert tpd["resets_at"][11:13] in ("07", "08")  # midnight there, in summer or in winter
    assert (own["model"], own["limit"]) == ("m", 10)
    assert home.files_with(PLANTED_KEY) == []
    assert not result.shows(PLANTED_KEY)


def test_a_pipe_gets_exact_times_and_a_terminal_how_long(home: Home, server: FakeServer) -> None:
    """Tab-separated with instants for scripts, aligned and relative for people."""
    told(server)
    now = time.time()
    limits.update(home.state, "work", "a", [
        Headroom(what="requests", per="minute", limit=60, remaining=59, resets_at=now + 3600),
        Headroom(what="input_tokens", limit=450_000, remaining=3, resets_at=now - 5),
    ], now - 120)  # fmt: skip
    home.write_config(vendor("deepseek", server), provider("work", server.url, rate_limit={"rpd": 1000}))
    lines = [line.split("\t") for line in home.here("providers", "limits", env=KEY).out.splitlines()]
    assert lines[0][:4] == ["deepseek", "default", "balance", "15.5 CNY"]
    assert lines[0][-1].startswith("granted 2 CNY, topped up 13.5 CNY; asked ")
    assert lines[1][:5] == ["work", "a", "requests a minute", "59", "60"]
    assert lines[1][5].endswith("Z")
    assert re.fullmatch(r"seen \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[1][6])
    assert lines[2][2:5] == ["input tokens", "450,000", "450,000"]  # it has started anew since
    assert lines[3][:5] == ["work", "all", "requests a day", "1,000", "1,000"]
    assert lines[3][5].endswith("T00:00:00Z (midnight UTC)")
    assert lines[3][6] == "config"
    person = finish(home.terminal("providers", "limits", env=KEY)).out
    assert "in 60 min" in person
    assert "seen 2 min ago" in person
    assert "has reset" in person
    assert "12 500" not in person


def test_a_chat_leaves_its_headers(home: Home, server: FakeServer) -> None:
    """What an answer says of limits is known afterwards, under the key that was used."""
    server.headers = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}
    home.write_config(provider("work", server.url, keys=[{"label": "a", "env": "SECRET"}]), model("work/m"))
    assert home.here("providers", "limits", env=KEY).err == (
        "no limits are known; what answers tell of them is shown after the first chat\n"
    )
    assert home.here("models", "probe", env=KEY).code == 0
    (line,) = home.here("providers", "limits", "--json", env=KEY).json["limits"]
    assert (line["provider"], line["key"], line["windows"][0]["remaining"]) == ("work", "a", 499)


def test_one_failure_hides_no_other(home: Home, server: FakeServer) -> None:
    """What failed is told with its reason, the rest is there, and the exit code is 9."""
    server.routes |= {"/v1/key": faults.status(500), "/user/balance": BALANCE}
    home.write_config(
        vendor("openrouter", server),
        vendor("deepseek", server),
        provider("moonshot", f"http://127.0.0.1:{closed_port()}", preset="moonshot", key={"env": "SECRET"}),
    )
    result = home.here("providers", "limits", "--json", env=KEY)
    assert result.code == 9
    assert result.json["failed"] == ["moonshot", "openrouter"]
    errors = {line["provider"]: line.get("error") for line in result.json["limits"]}
    assert errors["deepseek"] is None
    assert errors["openrouter"] == {"code": "http_500", "message": "500: scripted 500"}
    assert errors["moonshot"]["code"] == "request_failed"
    assert "connection refused" in errors["moonshot"]["message"]
    assert "500: scripted 500" in home.here("providers", "limits", env=KEY).out


def test_an_answer_is_kept_two_minutes(home: Home, server: FakeServer) -> None:
    """The second look asks nobody, --refresh does, and offline only what is known is told."""
    told(server)
    home.write_config(vendor("deepseek", server))
    assert home.here("--offline", "providers", "limits", "deepseek", "--json").json["limits"] == []
    for arguments, asked in (((), 1), ((), 1), (("--refresh",), 2), (("deepseek",), 2), (("--offline",), 2)):
        assert home.here("providers", "limits", *arguments, env=KEY).out.startswith("deepseek\t")
        assert len(server.requests) == asked
    kept = json.loads((home.state / "account-status.json").read_text())["data"]
    assert kept[0]["items"][0]["value"] == "15.5"


def test_the_named_provider_needs_its_key(home: Home, server: FakeServer) -> None:
    """Without a key there is nothing to ask with (5); among all it is passed over; others are unsupported."""
    told(server)
    home.write_config(
        vendor("deepseek", server),
        provider("den", server.url),
        vendor("openrouter", server, key={"command": ["false"]}),
    )
    result = home.here("providers", "limits", "deepseek", "--json")
    assert (result.code, result.error["kind"]) == (5, "credentials")
    assert "SECRET is not set" in result.error["message"]
    assert home.here("providers", "limits", "openrouter").code == 5
    assert home.here("providers", "limits", "nobody").code == 3
    whole = home.here("providers", "limits", "--json")
    assert (whole.code, [line["provider"] for line in whole.json["limits"]]) == (0, ["openrouter"])
    assert whole.json["limits"][0]["error"]["code"] == "api_key_disabled"
    (den,) = home.here("providers", "limits", "den", "--json").json["limits"]
    assert (den["kind"], den["error"]["code"]) == ("unsupported", "unsupported_provider")
    assert "balance unsupported" in home.here("providers", "limits", "den").out
    assert server.requests == []


def test_nothing_configured_says_what_to_do(home: Home) -> None:
    """A first run points at init."""
    result = home.here("providers", "limits")
    assert result.code == 6
    assert "llmpool init" in result.err


def test_hostile_words_stay_words(home: Home, server: FakeServer) -> None:
    """What a vendor sends as a currency or an error cannot steer a terminal, nor show the key."""
    body = {"error": {"message": f"no \x1b[31m{PLANTED_KEY}\x07 here"}}
    server.routes |= {
        "/user/balance": {"balance_infos": [{"currency": "\x1b]0;x\x07CNY", "total_balance": "1"}]},
        "/v1/key": faults.status(403, body=body),
    }
    home.write_config(vendor("deepseek", server), vendor("openrouter", server))
    for result in (
        home.here("providers", "limits", env=KEY),
        finish(home.terminal("providers", "limits", env=KEY)),
    ):
        assert "\x1b]" not in result.out
        assert "\x07" not in result.out
        assert not result.shows(PLANTED_KEY)
    assert home.files_with(PLANTED_KEY) == []


def test_the_file_is_private(home: Home, server: FakeServer) -> None:
    """Balances are nobody else's business."""
    told(server)
    home.write_config(vendor("deepseek", server))
    home.here("providers", "limits", env=KEY)
    assert Path(home.state, "account-status.json").stat().st_mode & 0o777 == 0o600


def test_who_is_inactive_is_asked_by_name_alone(home: Home, server: FakeServer) -> None:
    """A policy that keeps a provider out of use keeps its key at home."""
    told(server)
    home.write_config(vendor("deepseek", server))
    assert home.here("policy", "set", "deepseek", "--state", "inactive").code == 0
    assert home.here("providers", "limits", "--json", env=KEY).json["limits"] == []
    assert server.requests == []
    assert home.here("providers", "limits", "deepseek", env=KEY).shows("15.5")
