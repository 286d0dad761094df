"""`--local-only` and what means the same: no byte reaches a cloud server, whatever else is configured."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

DOTS = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DOWN = faults.always(faults.status(503))
TOP = (
    'default_model = "cloud/big"',
    'recovery_model = "cloud/big"',
    '[routing]\nfallbacks = ["cloud/big"]\nmax_retries = 0',
    '[groups.home]\nproviders = ["den"]',
    "[profiles.mine]\nlocal_only = true",
)
BOUNDS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "--local-only": (("--local-only",), {}),
    "LLMPOOL_LOCAL_ONLY": ((), {"LLMPOOL_LOCAL_ONLY": "1"}),
    "--mode local": (("--mode", "local"), {}),
    "-m local": (("-m", "local"), {}),
    "--profile private": (("--profile", "private"), {}),
    "a profile of the config": ((), {"LLMPOOL_PROFILE": "mine"}),
    "--group": (("--group", "home"), {}),
}


@pytest.fixture
def cloud() -> Iterator[FakeServer]:
    """Give a server in the cloud that would answer anything."""
    with FakeServer(["big", "vast"], text="from the cloud") as running:
        yield running


@pytest.fixture
def den() -> Iterator[FakeServer]:
    """Give a server at home."""
    with FakeServer(["small"], text="from home") as running:
        yield running


def configure(home: Home, den: str, cloud: FakeServer, *more: str) -> None:
    """Configure both; everything that can point to the cloud does."""
    tables = (provider("den", den, priority=1), provider("cloud", cloud.url, location="cloud", priority=99))
    home.write_config(*TOP, *tables, model("cloud/big", quality=10, aliases=["best"]), *more)


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_cloud_hears_nothing_when_home_fails(
    home: Home, den: FakeServer, cloud: FakeServer, bound: str
) -> None:
    """Not even a connection is made, whatever fallbacks, default and recovery model say."""
    options, env = BOUNDS[bound]
    den.behave(DOWN)
    configure(home, den.url, cloud, model("den/small"))
    failed = home.here("chat", *options, "--max-wait", "0", "a private matter", env=env)
    assert (failed.code, failed.out, len(den.chats)) == (7, "", 1)
    assert cloud.connections == 0


@pytest.mark.parametrize("bound", ["--local-only", "--profile private"])
def test_nobody_in_the_cloud_is_asked_what_it_has(home: Home, cloud: FakeServer, bound: str) -> None:
    """Where too little is known to decide, those at home are looked at and nobody else."""
    options, _ = BOUNDS[bound]
    configure(home, f"http://127.0.0.1:{closed_port()}/v1", cloud)
    unknown = home.here("chat", *options, "--max-wait", "0", "a private matter")
    assert (unknown.code, unknown.out) == (6, "")
    assert "note: asking what they have: den\n" in unknown.err
    assert cloud.connections == 0


def test_names_are_no_way_around(home: Home, den: FakeServer, cloud: FakeServer) -> None:
    """An alias, a pin, a name nobody carries, --fallback and --loose: the bound holds for all of them."""
    den.behave(DOWN)
    configure(home, den.url, cloud, model("den/small"))
    for wanted in (("-m", "best"), ("-m", "cloud/big"), ("-m", "cloud/big", "--force"), ("-m", "big")):
        assert home.here("chat", "--local-only", *wanted, "hi").code == 6
    assert home.here("chat", "--local-only", "-m", "vast", "--loose", "hi").code == 3
    pinned = home.here("chat", "--local-only", "-m", "den/small", "--fallback", "--max-wait", "0", "hi")
    assert pinned.code == 7
    assert cloud.connections == 0


def test_a_conversation_comes_home(home: Home, den: FakeServer, cloud: FakeServer) -> None:
    """Begun with a model in the cloud, it goes on at home, and the cloud hears nothing of that."""
    configure(home, den.url, cloud, model("den/small"))
    assert home.here("chat", "--session", "trip", "-m", "cloud/big", "--fallback", "hello").code == 0
    before = cloud.connections
    went_on = home.here("chat", "--session", "trip", "--local-only", "and in private")
    assert (went_on.code, went_on.out) == (0, "from home\n")
    den.behave(DOWN)
    assert home.here("chat", "--session", "trip", "--local-only", "--max-wait", "0", "and again").code == 7
    assert cloud.connections == before


def test_a_proxy_of_the_environment_is_not_told(home: Home, den: FakeServer, cloud: FakeServer) -> None:
    """What runs on this machine is asked directly, also where no exception from the proxy is set."""
    configure(home, den.url, cloud, model("den/small"))
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), cloud.root)
    env = {**proxies, "NO_PROXY": None, "no_proxy": None}
    asked = home.pool("chat", "--local-only", "hi", env=env)
    assert (asked.code, asked.out) == (0, "from home\n")
    assert cloud.connections == 0


def test_a_picture_is_fetched_where_its_owner_says(home: Home, den: FakeServer, cloud: FakeServer) -> None:
    """An address in one's own network is fetched, and tells nothing else.

    Without key, prompt or cookie, once, and only when somebody at home may answer; what is sent is the
    picture, so that no server at home goes there by itself.
    """
    picture = f"{cloud.root}/cat.png"
    cloud.routes["/cat.png"] = lambda exchange: exchange.send(200, DOTS, kind="image/png")
    configure(home, den.url, cloud, model("den/small"))
    assert home.here("chat", "--local-only", "-a", picture, "--needs", "tools", "what is it?").code == 6
    assert cloud.connections == 0
    configure(home, den.url, cloud, model("den/small", supports_images=True))
    assert home.here("chat", "--local-only", "-a", picture, "a private question").out == "from home\n"
    (fetched,) = cloud.requests
    assert (fetched.method, fetched.path, fetched.body) == ("GET", "/cat.png", b"")
    assert not {"authorization", "cookie", "referer", "x-api-key"} & set(fetched.headers)
    sent = den.chats[-1].body.decode()
    assert "data:image/png;base64," in sent
    assert "cat.png" not in sent


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (("--local-only",), "--local-only"),
        (("--mode", "local"), "mode local"),
        (("--profile", "private"), "--local-only"),
    ],
)
def test_no_picture_is_fetched_from_the_internet(
    home: Home, den: FakeServer, cloud: FakeServer, options: tuple[str, ...], bound: str
) -> None:
    """Its server would learn who asks for what, so that is refused (exit 8), with the way that needs none."""
    configure(home, den.url, cloud, model("den/small", supports_images=True))
    ran = home.here("chat", *options, "-a", "https://pictures.example/cat.png", "what is it?")
    assert (ran.code, ran.out, den.chats) == (8, "", [])
    assert f"would be fetched from the internet, which {bound} forbids" in ran.err
    assert "save it, and attach the file" in ran.err


def test_no_picture_of_ones_own_network_leads_into_the_internet(
    home: Home, den: FakeServer, cloud: FakeServer
) -> None:
    """A server at home that sends on to one in the internet is not followed, where that is forbidden."""
    there = "http://pictures.example/cat.png"
    den.routes["/cat.png"] = faults.redirect(there)
    cloud.routes[there] = lambda exchange: exchange.send(200, DOTS, kind="image/png")
    configure(home, den.url, cloud, model("den/small", supports_images=True))
    away = {"http_proxy": cloud.root, "HTTP_PROXY": cloud.root}  # whoever asks the internet asks here
    args = ("-a", f"{den.root}/cat.png", "what is it?")
    ran = home.here("chat", "--local-only", *args, env=away)
    assert (ran.code, cloud.connections, den.chats) == (2, 0, [])
    assert "a redirect to pictures.example:80 (status 307), which is not followed" in ran.err
    assert home.here("chat", "-m", "den/small", *args, env=away).code == 0
    assert cloud.connections == 1


def test_a_variable_that_is_off_is_not_blamed(home: Home, den: FakeServer, cloud: FakeServer) -> None:
    """`LLMPOOL_LOCAL_ONLY=0` keeps nobody out: whoever types --local-only is told of that."""
    configure(home, den.url, cloud)
    for value, told in (("0", "not local"), ("1", "excluded by LLMPOOL_LOCAL_ONLY")):
        refused = home.here("route", "--local-only", "hi", env={"LLMPOOL_LOCAL_ONLY": value})
        assert refused.code == 6
        assert f"cloud/big   {told}" in refused.err
