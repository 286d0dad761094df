"""A home in which every state file there is holds something valid, to be broken one at a time."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.deployment import Capabilities
from llmpool.core.inventory import Probe, ToldWindow
from llmpool.core.limits import Headroom
from llmpool.core.policy import Policy
from llmpool.core.provider import Provider
from llmpool.core.routing import Experience
from llmpool.core.trial import Terms
from llmpool.state import (
    accounts,
    downloads,
    formats,
    health,
    history,
    inventory,
    keys,
    limits,
    logins,
    policy,
    quotas,
    tokens,
    trial,
)
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider
from tests.trials import public

KEY = "sk-planted-0123456789abcdefghijklmnop"
NOW = 1_795_000_000.0
HEADERS = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "99",
    "x-ratelimit-reset-requests": "6m0s",
}
TALKS = (
    ("refresh",),
    ("policy", "set", "den/big", "--state", "flagged", "--reason", "why"),
    ("policy", "set", "sky/small", "--no-routable"),
    ("usage", "prices", "set", "den/small", "--input", "1", "--output", "2"),
    ("usage", "prices", "set", "sky/*", "--input", "1", "--output", "2"),
    ("chat", "hello", "--session", "talk", "--tag", "t"),
    ("chat", "-m", "sky/big", "hello"),
    ("chat", "again", "--session", "talk"),
    ("route", "hello", "--record"),
    ("usage",),
    ("models", "list"),
)


class Golden(NamedTuple):
    """The home, the server it talks to, and every file of it: its content and when it was written."""

    home: Home
    server: FakeServer
    files: dict[str, tuple[bytes, int]]

    def restore(self, changed: str = "", content: bytes = b"") -> None:
        """Make the home as it was, but for one file."""
        shutil.rmtree(self.home.state)
        (self.home.dir / "secrets.json").unlink(missing_ok=True)
        for name, (held, at) in self.files.items():
            path = self.home.dir / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content if name == changed else held)
            path.chmod(0o600)
            os.utime(path, ns=(at, at))

    def run(self, *args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Any:
        """Run a command in this home."""
        return self.home.here(*args, stdin=stdin, env={"SKY_KEY": KEY} | (env or {}))


def config(url: str) -> str:
    """Write a config in which every table has something."""
    return "\n".join(
        (
            'local_first = true\nrecovery_model = "den/small"\n',
            provider(
                "den", url, priority=5, optional=True, headers={"X-Team": "a"}, params={"temperature": 0.5}
            ),
            provider(
                "sky",
                url,
                location="cloud",
                keys=[{"label": "a", "env": "SKY_KEY"}],
                rate_limit={"rpm": 600, "tpm": 90000},
            ),
            provider(
                "off", "http://127.0.0.1:9", enabled=False, format="ollama", idle_ttl="10m", prune=False
            ),
            model(
                "den/small", quality=5, speed=8, aliases=["tiny"], context_window=32768, supports_tools=True
            ),
            model("sky/big", quality=9, cost_tier=2, rate_limit={"rpm": 10}),
            '[routing]\nstrategy = "score"\nfallbacks = ["den/big"]\nstale_after = "700d"\nmax_retries = 1\n',
            '[budgets.daily]\nlimit = "5.00"\nper = "day"\n[groups.family]\nproviders = ["den"]\n',
            '[budgets.tagged]\nlimit = "1"\nper = "month"\ntag = "t"\n',
            '[policy]\nunpriced = "allow"\n[usage]\nretention = "30d"\n',
            f'[trial.keys]\nt1 = "{public()}"',
            '[profiles.mine]\nlocal_only = true\n[templates]\nreview = "Look at:\\n{input}"\n',
        )
    )


@cache
def golden() -> Golden:
    """Make the home, once in a process; its server goes on answering."""
    home = Home(Path(tempfile.mkdtemp()))
    atexit.register(shutil.rmtree, home.dir, ignore_errors=True)
    server = FakeServer(["small", {"id": "big", "context_length": 8192}], headers=HEADERS)
    server.__enter__()
    home.write_config(config(server.url))
    made = Golden(home, server, {})
    for words in TALKS:
        done = made.run(*words)
        assert done.code == 0, (words, done)
    _plant(home.state, server.url)
    for words in (("models", "list"), ("usage", "summary")):
        made.run(*words)
    for path in sorted(home.dir.rglob("*")):
        if path.is_file():
            name, seen = str(path.relative_to(home.dir)), path.stat()
            made.files[name] = path.read_bytes(), seen.st_mtime_ns
    return made


def _plant(state: Path, url: str) -> None:
    """Write what no command of a minute leaves behind."""
    at = "2026-11-21T03:44:00Z"

    def learn(known: health.Health) -> None:
        known.cooldowns["deployment:sky/big"] = {
            "until": NOW,
            "seconds": 60.0,
            "reason": "server",
            "failures": 2,
        }
        known.contact["sky"] = {"at": NOW, "kind": "connect", "message": "refused"}
        known.experience["den/small"] = Experience(1, 2, 3, 4)
        known.latency["den/small"] = 1.5
        known.cursors["den"] = 7

    health.update(state, learn)
    accounts.remember(
        state,
        [
            accounts.Account(
                provider="sky",
                key="a",
                kind="balance",
                at=NOW,
                items=(accounts.Item("total", "5.0", "USD"),),
                primary="total",
            )
        ],
        NOW,
    )
    quotas.remember(
        state,
        [
            quotas.Quota(
                provider="sky", account="x", type="copilot", at=NOW, models=(quotas.ModelQuota("m", 50, at),)
            )
        ],
        NOW,
    )
    logins.keep(
        state,
        logins.Login(provider="sky", id="x", type="copilot", email="a@b.c", expires_at=NOW, scopes=("s",)),
    )
    tokens.keep(state, ("sky", "x", tokens.ACCESS), tokens.Passing("token", 9e9), NOW)
    keys.note(state, {("sky", "a"): 3}, NOW)
    keys.learn(
        state, "sky", "a", keys.Known("d" * 64, "sk-p...mnop", NOW, (keys.Past("e" * 64, "sk-o...", NOW),))
    )
    trial.start(
        state,
        Terms(kid="t1", url="https://t.example/v1", format="openai", model="m", limit=1000, issued=5),
        bytes(64),
        NOW,
        activated=False,
    )
    downloads.begin(state, downloads.Job(provider="den", model="more", asked=True), at)
    history.add(state, "typed before", "talk")
    limits.update(
        state, "sky", "a", [Headroom(what="requests", per="minute", limit=9, remaining=3, resets_at=NOW)], NOW
    )
    inventory.remember_probes(
        state,
        "den",
        [
            Probe(
                model="small",
                at=at,
                available=False,
                status=404,
                error="gone",
                capabilities=Capabilities(chat=True),
            )
        ],
    )
    inventory.remember_window(state, "den", ToldWindow(model="big", at=at, tokens=4096))
    who = Provider(
        id="den", name="", preset="", url=url, format="openai", format_mode="auto", location="local"
    )

    def remember(known: formats.Memories) -> None:
        formats.refuse(known, "den/small", "temperature", NOW)
        formats.use_base(known, who, url, NOW)
        formats.use_endpoint(known, who, url, NOW)

    formats.update(state, remember)
    policy.update(state, lambda known: known | {"sky": Policy(state="active", updated_at=at)})
