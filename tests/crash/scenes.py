"""The commands that write, each in a home where it has something to write: what is killed and failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from llmpool.auth.oauth import Tokens
from llmpool.config.paths import Paths
from llmpool.pool import Pool
from llmpool.setup import login as logging_in
from llmpool.state import ledger
from llmpool.state.logins import Login
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.oauth import FakeOAuth
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

KEY, SECOND_KEY = "sk-planted-0123456789abcdefghijklmnop", "sk-planted-9876543210abcdefghijklmnop"
STATE_KEY = {"LLMPOOL_STATE_KEY": "01234567890123456789012345678901"}
ASK = ("chat", "hi", "--json")
DAY = 86400.0

Prepare = Callable[[Home, FakeServer], None]


class Scene(NamedTuple):
    """A command line, and what was done before it.

    *again* are the codes the same line ends with once it was done; *settles*: done twice is done once, but
    for the files it *leaves* as they are, of what is not there any more. *path* is which of the six write
    paths of the project it walks, *mend* what the error names where it was half done; *tells*: what it prints
    says that it is done. *spares* are the files that it can go without, with a warning: averages and caches.
    """

    name: str
    path: str
    line: tuple[str, ...]
    prepare: Prepare
    stdin: str = ""
    code: int = 0
    again: tuple[int, ...] = (0,)
    settles: bool = True
    leaves: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()
    tells: bool = True
    env: Mapping[str, str] = {}
    spares: tuple[str, ...] = ()


def sick(_number: int, request: Request) -> Behaviour | None:
    """Fail one of the two models, answer for the other."""
    return faults.status(503) if request.json.get("model") == "sick" else None


@contextmanager
def house(home: Home, scene: Scene) -> Iterator[FakeServer]:
    """Give the server that a scene talks to, after what comes before it is done."""
    speaks = ("cloudcode",) if scene.path == "tokens" else ("openai",)
    with FakeServer(["m", "sick"], speaks=speaks, behave=sick) as server:
        scene.prepare(home, server)
        yield server


def one(home: Home, server: FakeServer) -> None:
    """Configure one provider; nothing was ever written."""
    home.write_config("# mine", provider("den", server.url), "# not that one", model("den/m"))


def used(home: Home, server: FakeServer) -> None:
    """Have a provider that was used, observed and decided about."""
    one(home, server)
    _do(home, "refresh", "--quiet")
    _do(home, *ASK)
    _do(home, "policy", "set", "den/sick", "--no-routable", "--reason", "old")


def ill(home: Home, server: FakeServer) -> None:
    """Have a first choice that fails and a second that answers."""
    home.write_config(
        provider("den", server.url, priority=90),
        provider("out", server.url, priority=10),
        model("den/sick", quality=9),
        model("out/m", quality=3),
        '[routing]\nstrategy = "priority"\nmax_retries = 0',
    )
    _do(home, "models", "list")


def rested(home: Home, server: FakeServer) -> None:
    """Have one that rests, because it failed."""
    ill(home, server)
    _do(home, *ASK)


def keyed(home: Home, server: FakeServer) -> None:
    """Have a provider with two stored keys, and a rotation that counts."""
    home.write_config(
        provider("den", server.url, key_rotation="round_robin", rate_limit={"rpm": 1000}), model("den/m")
    )
    for label, key in (("a", KEY), ("b", SECOND_KEY)):
        _do(home, *STORE, "--label", label, stdin=key)


def paid(home: Home, server: FakeServer) -> None:
    """Have a budget and a price, so that money is reserved."""
    one(home, server)
    _do(home, "usage", "prices", "set", "den/m", "1", "2")
    _do(home, "providers", "set", "den", "--location", "cloud")
    _do(home, "policy", "budget", "set", "5/day")
    _do(home, *ASK)


def old(home: Home, server: FakeServer) -> None:
    """Have days that may be pruned."""
    used(home, server)
    for day in ("2026-01-20", "2026-01-21"):
        for number in range(3):
            at = f"{day}T1{number}:00:00.000Z"
            line = {"id": f"use_{day}-{number}", "at": at, "cost": "1", "deployment": "den/m"}
            ledger.append(home.state, ledger.USAGE, line | {"provider": "den", "model": "m", "success": True})


def rolled(home: Home, server: FakeServer) -> None:
    """Have sums of old days already."""
    old(home, server)
    _do(home, "usage", "--since", "all")


def records_of_elsewhere(home: Home, server: FakeServer) -> None:
    """Have records, and a file of others: two of a day of its own, one of a day that is there."""
    rolled(home, server)
    lines = [
        {"id": f"use_{n}", "at": f"2026-01-{n}T09:30:00.000Z", "deployment": "den/m", "success": True}
        | {"provider": "den", "model": "m", "cost": "2"}
        for n in (20, 22)
    ]
    (home.cwd / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def talked(home: Home, server: FakeServer) -> None:
    """Have a session."""
    one(home, server)
    _do(home, *ASK, "--session", "s")


def listed(home: Home, server: FakeServer) -> None:
    """Have prompts in a file."""
    one(home, server)
    _do(home, "models", "list")
    (home.cwd / "prompts.jsonl").write_text("".join(f'{{"prompt": "q{n}"}}\n' for n in range(3)))


def expired(home: Home, server: FakeServer) -> None:
    """Be logged in with a token that has ended a minute ago."""
    fake = FakeOAuth(server, lasts=3599)
    fake.refreshing.add("refresh-planted-old")
    home.write_config(fake.table("gemini-cli"), "[providers.google-gemini-cli]")
    pool = Pool(Paths(home.config, home.state, home.dir / "secrets.json"), STATE_KEY, time.time)
    place = {"provider": "google-gemini-cli", "id": "", "type": "gemini-cli", "endpoint": server.root}
    tokens = Tokens("access-planted-old", "refresh-planted-old", time.time() - 60)
    logging_in.adopt(pool, Login(**place, email="me@example.com", store="file"), tokens)


def _do(home: Home, *line: str, stdin: str | None = None) -> None:
    done = home.here(*line, stdin=stdin)
    assert done.code == 0, (line, done)


STORE = ("providers", "keys", "add", "den", "--key-stdin", "--keep", "file", "--plaintext")
REPLACE = ("providers", "keys", "replace", "den", "a", "--key-stdin", "--keep", "file", "--plaintext")
HEALTH, FORMATS = "state/health.json", "state/formats.json"
RATES = "state/rates/den.json"
KEYS, TALLY = "state/keys.json", "state/budgets.json"  # the second is counted anew from the usage
POLICIES = json.dumps({"schema": 1, "policies": []})
SCENES = (
    Scene("chat", "usage", ASK, used, settles=False, spares=(HEALTH, FORMATS)),
    Scene("the first chat", "usage", ASK, one, settles=False, spares=(HEALTH, FORMATS)),
    Scene("usage summary", "usage", ("usage", "--since", "all", "--json"), old),
    Scene("usage prune", "usage", ("usage", "prune", "--yes"), rolled),
    Scene("usage import", "usage", ("usage", "import", "records.jsonl"), records_of_elsewhere),
    Scene("usage export", "usage", ("usage", "export", "-o", "out.jsonl", "--force"), old),
    Scene("route", "decisions", ("route", "--record", "hi", "--json"), used, settles=False),
    Scene("a failing chat", "health", ASK, ill, settles=False, spares=(HEALTH, FORMATS)),
    Scene("providers clear", "health", ("providers", "clear", "--all"), rested),
    Scene("policy set", "policy", ("policy", "set", "den/m", "--state", "inactive", "--reason", "x"), used),
    Scene("policy clear", "policy", ("policy", "clear", "den/sick"), used),
    Scene("policy apply", "policy", ("policy", "apply", "-", "--yes"), used, POLICIES),
    Scene("refresh", "inventory", ("refresh", "--json"), used),
    Scene("the first refresh", "inventory", ("refresh", "--json"), one),
    Scene(
        "providers add",
        "config",
        ("providers", "add", "groq", "--key-env", "K", "--force"),
        used,
        again=(0, 2),
        mend=("refresh", "--quiet"),
    ),
    Scene("providers set", "config", ("providers", "set", "den", "--priority", "7"), used),
    Scene("providers remove", "config", ("providers", "remove", "den", "--yes"), used, again=(0, 3)),
    Scene("config set", "config", ("config", "set", "routing.max_retries", "3"), used),
    Scene("models set", "config", ("models", "set", "den/m", "--alias", "small"), used),
    Scene("budget set", "config", ("policy", "budget", "set", "5/day"), used, leaves=(TALLY,)),
    Scene("group set", "config", ("policy", "group", "set", "family", "--provider", "den"), used),
    Scene(
        "keys add", "keys", (*STORE, "--label", "a"), used, KEY, again=(0, 2), leaves=(KEYS,), mend=REPLACE
    ),
    Scene(
        "keys remove",
        "keys",
        ("providers", "keys", "remove", "den", "a", "--yes"),
        keyed,
        again=(0, 3),
        leaves=(KEYS,),
    ),
    Scene("a chat with keys", "keys", ASK, keyed, settles=False, spares=(HEALTH, FORMATS, KEYS, RATES)),
    Scene("a chat with a budget", "keys", ASK, paid, settles=False, spares=(HEALTH, FORMATS)),
    Scene("prices set", "keys", ("usage", "prices", "set", "den/m", "1", "2"), used),
    Scene("a session", "sessions", (*ASK, "--session", "s"), talked, settles=False, spares=(HEALTH, FORMATS)),
    Scene("session delete", "sessions", ("chat", "--delete", "s", "--yes"), talked, again=(0, 3)),
    Scene(
        "a batch",
        "batch",
        ("chat", "--batch", "prompts.jsonl", "-o", "answers.jsonl", "--jobs", "1"),
        listed,
        settles=False,
        spares=(HEALTH, FORMATS),
    ),
    Scene(
        "a token",
        "tokens",
        ("chat", "hi", "-m", "google-gemini-cli/m", "--json"),
        expired,
        settles=False,
        env=STATE_KEY,
        spares=(HEALTH, FORMATS, KEYS),
    ),
)
