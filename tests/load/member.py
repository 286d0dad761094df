"""One member of the crowd: what it asks for next, by a seed, and what it writes down about each command.

A member changes what is its own alone, and counts: `w07` sets its provider's priority to 1, then 2, so that
what is there in the end tells whether a change was lost. Some things all change: the policy on `one`, the
session `together`. It runs in forks.py, beside llmpool and the standard library alone.
"""

from __future__ import annotations

import json
import random
import time
import tomllib
from pathlib import Path
from typing import Any

from forks import run  # type: ignore[import-not-found]

KINDS = {
    "chat": 12, "say": 3, "say_together": 2, "refresh": 2, "refresh_one": 3, "decide": 3,
    "decide_for_shared": 2,
    "forget": 1, "summary": 3, "own_usage": 2, "time_out": 2, "disable": 1, "enable": 1, "declare": 1,
    "add_key": 1, "keys": 1, "list": 2, "providers": 2, "route": 4, "sessions": 1, "prune": 1, "look": 4,
    "price": 1, "budget": 1, "come_and_go": 1,
}  # fmt: skip


class Member:
    """A member by its *number*; the *plan* names state, config, log, seed, and rounds or seconds.

    Of the kinds of commands each member has its share, where they are *dealt* to so many.
    """

    def __init__(self, number: int, plan: dict[str, Any]) -> None:
        self.name = f"w{number:02}"
        self.own = f"own-{self.name}"
        self.plan = plan
        self.stays = False
        self.guest = plan["guests"][number]
        self.state, self.config = Path(plan["state"]), Path(plan["config"])
        self.random = random.Random(f"{plan['seed']} {number}")
        self.kinds = [*KINDS][number % plan["dealt"] :: plan["dealt"]]
        self.counts = dict.fromkeys(KINDS, 0)
        self.log = (Path(plan["log"]) / f"{self.name}.jsonl").open("w", encoding="utf-8")

    def live(self) -> None:
        """Run each kind of its own once in a round, then any by chance for so many seconds."""
        for _ in range(self.plan["rounds"]):
            for kind in self.random.sample(self.kinds, len(self.kinds)):
                self.do(kind)
        ends = time.monotonic() + self.plan["seconds"]
        while time.monotonic() < ends:
            self.do(self.random.choices([*KINDS], [*KINDS.values()])[0])
        self.log.close()

    def do(self, kind: str) -> None:
        """Do one thing, the next of its kind."""
        self.counts[kind] += 1
        getattr(self, kind)(self.counts[kind])

    def command(self, kind: str, n: int, *argv: str) -> dict[str, Any]:
        """Run a command and write down what came of it."""
        done: dict[str, Any] = {"kind": kind, "who": self.name, "n": n, **run([*argv])}
        self.note(done)
        return done

    def note(self, line: dict[str, Any]) -> None:
        """Write a line about what was done."""
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()

    def chat(self, n: int) -> None:
        """Ask something."""
        self.command("chat", n, "chat", "--json", "--tag", self.name, f"{self.name} asks {n}")

    def say(self, n: int) -> None:
        """Go on with a conversation of one's own."""
        self.command("say", n, "chat", "--json", "--session", self.name, "--tag", self.name, f"turn {n}.")

    def say_together(self, n: int) -> None:
        """Add to the conversation that all share."""
        said = f"{self.name} turn {n}."
        self.command("say_together", n, "chat", "--json", "--session", "together", "--tag", self.name, said)

    def refresh(self, n: int) -> None:
        """Observe all."""
        self.command("refresh", n, "refresh", "--json")

    def refresh_one(self, n: int) -> None:
        """Observe a provider that others observe as well."""
        self.command("refresh_one", n, "refresh", self.random.choice(self.plan["shared"]), "--json")

    def decide(self, n: int) -> None:
        """Decide about a deployment of one's own."""
        words = ("--state", "flagged", "--reason", str(n), "--force", "--yes", "--json")
        self.command("decide", n, "policy", "set", f"one/{self.name}", *words)

    def forget(self, n: int) -> None:
        """Take that decision back."""
        self.command("forget", n, "policy", "clear", f"one/{self.name}", "--yes", "--json")

    def decide_for_shared(self, n: int) -> None:
        """Decide about what all decide about."""
        words = ("--state", "flagged", "--reason", f"{self.name} {n}", "--force", "--yes", "--json")
        self.command("decide_for_shared", n, "policy", "set", "one/shared", *words)

    def summary(self, n: int) -> None:
        """Add up everything there ever was."""
        self.command("summary", n, "usage", "summary", "--since", "all", "--json")

    def own_usage(self, n: int) -> None:
        """Add up one's own requests: whoever has asked finds it there."""
        self.command("own_usage", n, "usage", "summary", "--since", "all", "--tag", self.name, "--json")

    def time_out(self, n: int) -> None:
        """Change a provider of one's own in the config that all share."""
        self.command("time_out", n, "providers", "set", self.own, "--timeout", f"{1000 + n}s", "--json")

    def disable(self, n: int) -> None:
        """Take the own provider out of use."""
        self.command("disable", n, "providers", "disable", self.own, "--json")

    def enable(self, n: int) -> None:
        """Take the own provider into use."""
        self.command("enable", n, "providers", "enable", self.own, "--json")

    def declare(self, n: int) -> None:
        """Declare a model's window, a thousand more each time."""
        words = ("--context-window", str(1000 * n), "--force", "--json")
        self.command("declare", n, "models", "set", f"{self.own}/m", *words)

    def add_key(self, n: int) -> None:
        """Name one key more."""
        words = ("--label", f"k{n}", "--env", f"KEY_{self.name}_{n}".upper(), "--json")
        self.command("add_key", n, "providers", "keys", "add", self.own, *words)

    def keys(self, n: int) -> None:
        """List the keys."""
        self.command("keys", n, "providers", "keys", "list", "--json")

    def list(self, n: int) -> None:
        """List the models."""
        self.command("list", n, "models", "list", "--json")

    def providers(self, n: int) -> None:
        """List the providers."""
        self.command("providers", n, "providers", "list", "--json")

    def route(self, n: int) -> None:
        """Decide without asking, and have it recorded."""
        self.command("route", n, "route", "--record", "--json", f"{self.name} wonders {n}")

    def sessions(self, n: int) -> None:
        """List the conversations."""
        self.command("sessions", n, "chat", "--list", "--json")

    def prune(self, n: int) -> None:
        """Let the oldest days go: each time one more of them."""
        days = self.plan["old_days"]
        self.command("prune", n, "usage", "prune", "--before", days[min(n, len(days) - 1)], "--yes", "--json")

    def price(self, n: int) -> None:
        """Set a price of one's own."""
        self.command("price", n, "usage", "prices", "set", f"{self.name}/m", str(n), str(n), "--json")

    def budget(self, n: int) -> None:
        """Look what is left of the budget."""
        self.command("budget", n, "policy", "budget", "list", "--json")

    def come_and_go(self, n: int) -> None:
        """Add a provider, find its models, and remove it."""
        if self.stays:
            return  # the last one could not be removed, and its server is not added twice
        name = f"guest-{self.name}-{n}"
        words = ("--url", self.guest, "--format", "openai", "--json")
        if self.command("add", n, "providers", "add", name, *words)["code"] == 0:
            self.command("find", n, "models", "list", "--json")
            gone = self.command("remove", n, "providers", "remove", name, "--yes", "--json")
            self.stays = gone["code"] != 0

    def look(self, n: int) -> None:
        """Read every file as anybody might at any moment; what does not parse is told."""
        torn = []
        for path in (self.config, *self.state.rglob("*.json*")):
            try:
                text = path.read_text(encoding="utf-8")
                if path == self.config:
                    tomllib.loads(text)
                elif path.suffix == ".json":
                    json.loads(text)
                elif path.suffix == ".jsonl":
                    [json.loads(line) for line in text.split("\n")[:-1] if line]
            except FileNotFoundError:
                continue
            except ValueError as error:
                torn.append(f"{path.name}: {error}")
        self.note({"kind": "look", "who": self.name, "n": n, "torn": torn})
