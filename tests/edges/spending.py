"""A pool of priced fake servers under budgets, asked in this process."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from llmpool.chat.manners import Manners
from llmpool.chat.run import chat
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.state import prices
from llmpool.state.budgets import Keeping
from llmpool.usage.budgets import Granted, Lease, Short, Tally, Wish
from tests.edges.failing import Bench, Came
from tests.fakes import faults
from tests.fakes.server import Behave, Behaviour

ALLOWANCE = 4096  # tokens of an answer that nobody limited


def budget(limit: str, name: str = "daily", **fields: str) -> str:
    """Write a budget, of a day unless *fields* say otherwise."""
    lines = {"limit": limit, "per": "day"} | fields
    return "\n".join([f"[budgets.{name}]", *(f'{key} = "{value}"' for key, value in lines.items())])


def costing(tokens: int, text: str = "hello there") -> Behaviour:
    """Answer, and count so many tokens."""
    counted = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    return faults.ok(text, usage=counted)


class Till(Bench):
    """A bench whose deployments cost a dollar for a thousand tokens of an answer, and prompts nothing.

    Those named `den` are local. An answer nobody limited is reserved with 4.096 dollars then.
    """

    def __init__(self, directory: Path, *top: str, **servers: Behave | str) -> None:
        super().__init__(directory, *top, **servers)
        self.state.mkdir(exist_ok=True)
        self.price("*", "0", "1000")

    def price(self, ref: str, given: str, answered: str) -> None:
        """Set a price, per million tokens."""
        entry = {"input": given, "output": answered}
        prices.update(self.state, lambda own: own._replace(custom={**own.custom, ref: entry}))

    def unpriced(self) -> None:
        """Forget every price."""
        prices.update(self.state, lambda own: own._replace(custom={}))

    def configure(self, *top: str, models: tuple[str, ...] = (), **fields: dict[str, Any]) -> None:
        """Write the config: all but `den` are in the cloud; top-level tables come last."""
        places = {name: {"location": "local" if name == "den" else "cloud"} for name in self._urls}
        for name, more in fields.items():
            places[name] |= more
        heads = tuple(part for part in top if not part.startswith("["))
        super().configure(*heads, models=models, **{n: self._ranked(n) | f for n, f in places.items()})
        tables = "\n".join(part for part in top if part.startswith("["))
        self.config.write_text(self.config.read_text() + "\n" + tables + "\n")

    def _ranked(self, name: str) -> dict[str, Any]:
        return {"priority": 99 - list(self._urls).index(name)}

    def tally(self) -> Tally:
        """Read what is spent and reserved."""
        from llmpool.state import budgets

        return budgets.read(self.state)

    def spent(self, name: str = "day *") -> Decimal:
        """Return what is spent by the count of that name."""
        return self.tally().counts[name].spent

    def race(self, ask: Callable[[], Came], *, spoil: bool = False) -> Came:
        """Ask while others spend all there is between the decision and the sending, or *spoil* the file."""
        from llmpool.chat import spend

        reserve, path = spend.file.reserve, self.state / "budgets.json"

        def late(keeping: Keeping, wish: Wish) -> Granted | Short:
            if spoil:
                path.unlink(missing_ok=True)
                path.write_text("{")
            else:
                lease = Lease("x", keeping.clock(), wish.deployment, wish.key, wish.tag, Decimal(0))
                spend.file.settle(keeping, lease, Decimal(5))
            return reserve(keeping, wish)

        path.unlink(missing_ok=True)
        for aside in self.state.glob("budgets.json.corrupt-*"):
            aside.unlink()
        with mock.patch.object(spend.file, "reserve", late):
            return ask()

    def beside_another(self, *, gives_back_after: float, **asked: Any) -> Came:
        """Ask while another holds a lease on 4.90 dollars, and ends without a cost after so many seconds."""
        from llmpool.chat import spend

        reserve, ends = spend.file.reserve, self.now + gives_back_after
        others: list[Lease] = []

        def busy(keeping: Keeping, wish: Wish) -> Granted | Short:
            if not others:
                got = reserve(keeping, Wish("work/m", "none", "", Decimal("4.9"), Decimal(0), 1, 1))
                assert isinstance(got, Granted)
                others.append(got.lease)
            if keeping.clock() >= ends:
                spend.file.settle(keeping, others[0], Decimal(0))
            return reserve(keeping, wish)

        with mock.patch.object(spend.file, "reserve", busy):
            return self.ask(**asked)

    def forget(self) -> None:
        """Forget who rests, and what is spent."""
        for name in ("health.json", "budgets.json"):
            (self.state / name).unlink(missing_ok=True)

    def streamed(self, came: Came, ref: str) -> int:
        """Return the tokens that came of an attempt which broke off, as the decision log has them."""
        assert came.journey is not None
        shown = came.journey.attempts_json()
        return sum(int(str(each.get("output_tokens", 0))) for each in shown if each["deployment"] == ref)

    def drag(self, pause: float) -> list[int]:
        """Ask, with a pause before each piece of the answer; return how many leases there were after each."""
        pool, held = self.pool(), []
        choice = decide(pool, RouteRequest(query="hi"))
        request = ChatRequest(messages=(Message(role="user", text="hi"),), stream=True)
        for _ in chat(pool, request, choice, Manners()):
            self.now += pause
            held.append(len([lease for lease in self.tally().leases if self.now - lease.at < 600]))
        return held

    def interrupt(self, after: int) -> None:
        """Ask, and stop reading after so many pieces of the answer."""
        pool = self.pool()
        choice = decide(pool, RouteRequest(query="hi"))
        request = ChatRequest(messages=(Message(role="user", text="hi"),), stream=True)
        events = chat(pool, request, choice, Manners())
        for _ in range(after):
            next(events)
        events.close()  # type: ignore[attr-defined]
