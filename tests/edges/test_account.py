"""Account status: every row of pool-ledger-credentials 6, worked examples 35 and 36, the rulings on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.discovery.account import FRESH_SECONDS, Account, account, accounts, vendor_of
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state.accounts import Item
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import closed_port, provider

NOW = 1_790_000_000.0
KEY = "sk-planted-0123456789abcdefghijklmnop"
KEY_PATH, BALANCE_PATH = "/api/v1/key", "/user/balance"
INFO = {
    "currency": " CNY ",
    "total_balance": "15.500000",
    "granted_balance": "2.000000",
    "topped_up_balance": "x",
}
DEEPSEEK = {"is_available": False, "balance_infos": [INFO]}


class Setting:
    """A pool on disk with one server, whose clock is set by hand."""

    def __init__(self, directory: Path, server: FakeServer) -> None:
        self.dir, self.server, self.now = directory, server, NOW
        self.root = server.url.removesuffix("/v1")
        self.env = {"K": KEY}

    def pool(self, *tables: str, offline: bool = False) -> Pool:
        """Open the pool that *tables* configure."""
        config = self.dir / "config.toml"
        config.write_text("\n".join(tables))
        paths = find_paths(self.env, str(config), str(self.dir / "state"))
        return Pool(paths, self.env, lambda: self.now, offline=offline)

    def vendor(self, name: str, path: str = "", **fields: Any) -> str:
        """Configure a vendor by its preset, at the fake server."""
        return provider(name, self.root + path, preset=name, **({"key": {"env": "K"}} | fields), format=None)


@pytest.fixture
def setting(tmp_path: Path, server: FakeServer) -> Setting:
    """Give a directory and a server."""
    return Setting(tmp_path, server)


@pytest.fixture
def client() -> Iterator[Client]:
    """Give a client, closed at the end."""
    with Client() as made:
        yield made


def asked(server: FakeServer) -> list[str]:
    """List the paths that were asked for."""
    return [request.path for request in server.requests]


@pytest.mark.parametrize("base", ["/api", "/api/", "/api/v1", "/api/v1/"])
def test_openrouter_tells_credits(setting: Setting, client: Client, base: str) -> None:
    """Example 35, and ruling 14: whether or not the URL ends in /v1, it is asked for once."""
    setting.server.routes[KEY_PATH] = {"data": {"usage": 12.5, "limit": 25, "limit_remaining": 12.5}}
    told = account(setting.pool(setting.vendor("openrouter", base)), "openrouter", client=client)
    assert told == Account(
        provider="openrouter",
        kind="credits",
        items=(Item("remaining", "12.5", "USD"), Item("used", "12.5", "USD"), Item("limit", "25", "USD")),
        primary="remaining",
        at=NOW,
    )
    assert asked(setting.server) == [KEY_PATH]
    headers = setting.server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("llmpool/")


@pytest.mark.parametrize(
    ("payload", "items"),
    [
        ({"data": {"usage": 3, "limit_remaining": None}}, [("used", "3")]),
        ({"usage": "3.25", "limit_remaining": " 6.750 "}, [("remaining", "6.75"), ("used", "3.25")]),
        ({"data": {"usage": True, "limit": "much", "limit_remaining": -0.5}}, [("remaining", "-0.5")]),
        ({"data": {"usage": 1e-7}}, [("used", "0.0000001")]),
        ({"data": {"usage": 1e300, "limit": 10**40, "limit_remaining": 0}}, [("remaining", "0")]),
    ],
)  # fmt: skip
def test_openrouter_figures_are_numbers_or_texts(
    setting: Setting, client: Client, payload: dict[str, Any], items: list[tuple[str, str]]
) -> None:
    """Null, booleans, words and absurd figures are absent; the primary item is `remaining` even then."""
    setting.server.routes["/v1/key"] = payload
    told = account(setting.pool(setting.vendor("openrouter-free")), "openrouter-free", client=client)
    assert (told.kind, told.primary, told.error) == ("credits", "remaining", "")
    assert told.items == tuple(Item(name, value, "USD") for name, value in items)


def test_a_key_without_a_limit_spends_the_account(setting: Setting, client: Client) -> None:
    """Where OpenRouter tells the account's credits to the key, what is left of them is told as well."""
    setting.server.routes |= {
        "/v1/key": {"data": {"usage": 3, "limit": None, "limit_remaining": None}},
        "/v1/credits": {"data": {"total_credits": 10.1, "total_usage": 3.7}},
    }
    told = account(setting.pool(setting.vendor("openrouter")), "openrouter", client=client)
    assert told.items == (Item("used", "3", "USD"), Item("balance", "6.4", "USD"))


def test_deepseek_tells_a_balance(setting: Setting, client: Client) -> None:
    """Example 36: amounts are texts, those that are no number are 0, whether it is available is ignored."""
    setting.server.routes[BALANCE_PATH] = DEEPSEEK
    for base in ("", "/v1", "/anthropic"):
        told = account(setting.pool(setting.vendor("deepseek", base)), "deepseek", client=client)
        assert (told.kind, told.primary, told.error) == ("balance", "remaining", "")
        assert told.items == (
            Item("remaining", "15.5", "CNY"),
            Item("granted", "2", "CNY"),
            Item("topped_up", "0", "CNY"),
        )
    assert set(asked(setting.server)) == {BALANCE_PATH}


def test_moonshot_and_siliconflow_tell_a_balance(setting: Setting, client: Client) -> None:
    """As other programs use them: the currency is the site's, and unknown where the site is not theirs."""
    setting.server.routes |= {
        "/v1/users/me/balance": {
            "code": 0,
            "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001},
            "scode": "0x0",
            "status": True,
        },
        "/v1/user/info": {
            "code": 20000,
            "data": {
                "balance": "0.88",
                "chargeBalance": "88.00",
                "totalBalance": "88.88",
                "status": "normal",
            },
        },
    }
    pool = setting.pool(setting.vendor("moonshot", "/v1"), setting.vendor("siliconflow", "/v1"))
    told = account(pool, "moonshot", client=client)
    assert (told.kind, told.items) == (
        "balance",
        (Item("remaining", "49.58894"), Item("voucher", "46.58893"), Item("cash", "3.00001")),
    )
    told = account(pool, "siliconflow", client=client)
    assert (told.kind, told.items) == (
        "balance",
        (Item("remaining", "88.88"), Item("granted", "0.88"), Item("topped_up", "88")),
    )


@pytest.mark.parametrize(
    ("name", "path", "answer", "code"),
    [
        ("openrouter", "/v1/key", {}, "no_account_status_data"),
        ("openrouter", "/v1/key", {"data": []}, "no_account_status_data"),
        ("openrouter", "/v1/key", faults.status(401), "http_401"),
        ("openrouter", "/v1/key", faults.status(500), "http_500"),
        ("openrouter", "/v1/key", faults.status(204, body=b""), "http_204"),
        ("openrouter", "/v1/key", faults.redirect("https://elsewhere.example/"), "http_307"),
        ("openrouter", "/v1/key", faults.html(), "invalid_response"),
        ("openrouter", "/v1/key", faults.status(200, body=b"[]"), "invalid_response"),
        ("openrouter", "/v1/key", faults.status(200, body=b"\xff\xfe{"), "invalid_response"),
        ("openrouter", "/v1/key", faults.status(200, body=b'{"data": {"usage": NaN}}'), "invalid_response"),
        ("openrouter", "/v1/key", faults.status(200, body=b"[" * 200_000), "invalid_response"),
        ("openrouter", "/v1/key", faults.status(200, body=b"9" * 9000), "invalid_response"),
        ("openrouter", "/v1/key", faults.half_json(), "invalid_response"),
        ("openrouter", "/v1/key", faults.cut(), "response_read_failed"),
        ("openrouter", "/v1/key", faults.gzip_bomb(8 << 20), "response_read_failed"),
        ("openrouter", "/v1/key", faults.reset(), "request_failed"),
        ("deepseek", "/user/balance", {"balance_infos": []}, "no_account_status_data"),
        ("deepseek", "/user/balance", {}, "no_account_status_data"),
        ("deepseek", "/user/balance", {"balance_infos": {}}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [7]}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [{"total_balance": "much"}]}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [{"total_balance": None}]}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [{"total_balance": 15.5}]}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [{"total_balance": 15}]}, "invalid_response"),
        ("deepseek", "/user/balance", {"balance_infos": [INFO | {"granted_balance": 2}]}, "invalid_response"),
        ("moonshot", "/v1/users/me/balance", {"code": 5, "data": {}}, "invalid_response"),
        ("moonshot", "/v1/users/me/balance", {"code": 0, "data": None}, "no_account_status_data"),
        ("siliconflow", "/v1/user/info", {"data": {"totalBalance": []}}, "no_account_status_data"),
    ],
)  # fmt: skip
def test_every_failure_has_its_code(
    setting: Setting, client: Client, name: str, path: str, answer: Any, code: str
) -> None:
    """Nothing a vendor answers raises: it is `unsupported`, with a code and a sentence without the key."""
    setting.server.routes[path] = answer
    told = account(setting.pool(setting.vendor(name)), name, client=client)
    assert (told.kind, told.error, told.items, told.primary) == ("unsupported", code, (), "")
    assert told.message
    assert KEY not in told.message


def test_nobody_there_is_a_failed_request(setting: Setting, client: Client) -> None:
    """A refused connection is a failed request, an unreadable address one that cannot be built."""
    table = provider("deepseek", f"http://127.0.0.1:{closed_port()}", key={"env": "K"}, format=None)
    pool = setting.pool(table)
    assert account(pool, "deepseek", client=client).error == "request_failed"
    move(pool, "http://a:x")
    assert account(pool, "deepseek", client=client).error == "request_build_failed"


def move(pool: Pool, url: str) -> None:
    """Change the URL of the pool's only provider behind the config's back."""
    pool.routing["providers"][0]["url"] = url


@pytest.mark.parametrize(
    ("url", "preset", "found"),
    [
        ("https://openrouter.ai/api/v1", None, "/v1/key"),
        ("https://OpenRouter.ai/api", None, "/v1/key"),
        ("https://api.deepseek.com/v1", None, "/user/balance"),
        ("https://api.moonshot.cn/v1", None, "/v1/users/me/balance"),
        ("https://api.siliconflow.com/v1", None, "/v1/user/info"),
        ("https://gateway.example/v1", "deepseek", "/user/balance"),
        ("https://deepseek.com.example/v1", None, None),
        ("https://api.openai.com/v1", "openai", None),
    ],
)
def test_a_vendor_is_known_by_preset_or_host(
    setting: Setting, url: str, preset: str | None, found: str | None
) -> None:
    """An owner's own table for the same vendor is that vendor; a host that only looks like it is not."""
    pool = setting.pool(provider("mine", url, preset=preset, location=None))
    vendor = vendor_of(pool.provider("mine"))
    assert (vendor.path if vendor else None) == found


def test_the_key_is_looked_at_before_the_vendor(setting: Setting, client: Client) -> None:
    """Every row about keys; a disabled one is never used (ruling 13), where the source falls back on it."""
    setting.env = {"K": KEY, "BLANK": "  "}
    on, off = {"label": "on", "env": "K"}, {"label": "off", "env": "K", "enabled": False}
    blank, unset = {"label": "blank", "env": "BLANK"}, {"label": "unset", "env": "NOWHERE"}
    setting.server.routes[BALANCE_PATH] = DEEPSEEK
    pool = setting.pool(
        setting.vendor("deepseek", key=None, keys=[off, blank, unset, on]),
        setting.vendor("openrouter", key=None, keys=[blank, unset]),
        setting.vendor("moonshot", key=None, keys=[off]),
        setting.vendor("siliconflow", key=None),
        setting.vendor("openai"),
        setting.vendor("groq", key=None),
        setting.vendor("ollama", key=None),
    )

    def code(name: str, label: str = "") -> str:
        return account(pool, name, label, client=client).error

    assert code("deepseek") == code("deepseek", "on") == ""
    assert (
        code("deepseek", "off")
        == code("deepseek", "blank")
        == code("deepseek", "unset")
        == "api_key_disabled"
    )
    assert code("deepseek", "no such key") == "api_key_not_found"
    assert (
        code("openrouter")
        == code("siliconflow")
        == code("groq")
        == code("ollama")
        == "api_key_not_configured"
    )
    assert code("moonshot") == "api_key_disabled"
    assert code("openai") == "unsupported_provider"
    assert code("nobody") == "provider_not_found"
    assert asked(setting.server) == [BALANCE_PATH] * 2


def test_a_preset_variable_is_a_key_too(setting: Setting, client: Client) -> None:
    """Where no key is configured the vendor's own variable counts, and its name is its label."""
    setting.env = {"DEEPSEEK_API_KEY": KEY}
    setting.server.routes[BALANCE_PATH] = DEEPSEEK
    pool = setting.pool("[providers.deepseek]")
    move(pool, setting.root)  # at a URL of the owner's the variable would not count
    assert account(pool, "deepseek", client=client).kind == "balance"
    assert account(pool, "deepseek", "DEEPSEEK_API_KEY", client=client).kind == "balance"


def test_no_address_is_invalid(setting: Setting, client: Client) -> None:
    """A provider without a URL has none to ask at."""
    pool = setting.pool(setting.vendor("deepseek"))
    for url in ("", "ftp://x", "http://", "http://[::1"):
        move(pool, url)
        assert account(pool, "deepseek", client=client).error == "invalid_base_url"


def test_answers_are_good_for_two_minutes(setting: Setting) -> None:
    """What was told is not asked for again, failures included, until it is old, or *refresh* says so."""
    setting.server.routes[BALANCE_PATH] = DEEPSEEK
    pool = setting.pool(setting.vendor("deepseek"), setting.vendor("openrouter"))
    wanted = [("deepseek", ""), ("openrouter", ""), ("deepseek", "")]
    first = accounts(pool, wanted)
    assert [(a.provider, a.error) for a in first] == [("deepseek", ""), ("openrouter", "http_404")]
    assert len(setting.server.requests) == 2
    setting.now = NOW + FRESH_SECONDS - 1
    assert accounts(pool, wanted) == first
    assert len(setting.server.requests) == 2
    assert accounts(pool, wanted, refresh=True)[0].at == setting.now
    assert len(setting.server.requests) == 4
    setting.now += FRESH_SECONDS
    accounts(pool, wanted)
    setting.now -= 5  # a clock set back: what is from the future is not fresh
    accounts(pool, wanted)
    assert len(setting.server.requests) == 8
    setting.now += 3600
    assert [a.provider for a in accounts(setting.pool(setting.vendor("deepseek"), offline=True), wanted)] == [
        "deepseek",
        "openrouter",
    ]
    assert len(setting.server.requests) == 8


def test_a_missing_key_is_not_remembered(setting: Setting) -> None:
    """Who sets the variable need not wait two minutes for it."""
    setting.server.routes[BALANCE_PATH] = DEEPSEEK
    setting.env = {}
    table = setting.vendor("deepseek")
    assert accounts(setting.pool(table), [("deepseek", "")])[0].error == "api_key_not_configured"
    setting.env = {"K": KEY}
    assert accounts(setting.pool(table), [("deepseek", "")])[0].kind == "balance"
