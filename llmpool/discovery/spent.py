"""What a run of probes spent: a usage line for each question a server answered, with the tag `probe`."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from llmpool import costs
from llmpool.core.chat import ChatRequest
from llmpool.core.ids import usage_id
from llmpool.core.times import rfc3339_ms
from llmpool.pool import Pool
from llmpool.state import jsonl, ledger
from llmpool.usage.budgets import Ran
from llmpool.usage.cost import cost_fields, counted, token_fields, usage_of

if TYPE_CHECKING:
    from llmpool.discovery.short_call import Said

TAG = "probe"


class Spent:
    """The usage of a run under way; threads note it as answers come, and all of it is kept at once.

    A question counts once, as one of chat does, however many calls it took to put it; one that no server
    answered, not even with an error, does not count. *ended* says that calls are being broken off from here:
    what fails from then on is no server's failure.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.ended = False
        self.lines: list[dict[str, Any]] = []  # appending is atomic

    def note(self, provider: str, model: str, key: str, request: ChatRequest, said: Said) -> None:
        """Note what came of a question."""
        if not said.status or (self.ended and said.failure):
            return
        usage = counted(said.usage, request, said.text + said.thinking, success=said.failure is None)
        line: dict[str, Any] = {
            "id": usage_id(),
            "at": rfc3339_ms(self.pool.clock()),
            "provider": provider,
            "model": model,
            "deployment": f"{provider}/{model}",
            "success": said.failure is None,
            **token_fields(usage),
            "request_count": 1,
            "latency_ms": said.latency_ms,
            "key": None if key == "none" else key,
            "decision_id": "",  # nothing was decided; every line that scripts read has the field
            "tag": TAG,
            "error": said.failure.kind if said.failure else None,
        }
        self.lines.append({name: value for name, value in line.items() if value is not None})

    def keep(self) -> None:
        """Write every line down; a directory that refuses costs the exit code, not what the probe found."""
        lines = [line | _cost(self.pool, line) for line in self.lines]
        if self.pool.routing["budgets"]:
            self._charge(lines)
        folder = self.pool.paths.state / ledger.USAGE
        for day, some in groupby(sorted(lines, key=_moment), key=lambda line: _moment(line)[:10]):
            append = partial(jsonl.append_all, folder / f"{day}.jsonl", list(some))
            self.pool.owe("usage not recorded", append)

    def _charge(self, lines: list[dict[str, Any]]) -> None:
        """Count in the budgets what the lines cost, ahead of the ledger, of which a missing count is made."""
        from llmpool import budgets
        from llmpool.state import budgets as file

        ran = [
            Ran(line["deployment"], line.get("key", "none"), TAG, Decimal(line["cost"]))
            for line in lines
            if line["cost"] is not None
        ]
        charge = partial(file.charge, budgets.keeping(self.pool), ran)
        self.pool.owe("what was spent is in no budget", charge)


def _cost(pool: Pool, line: dict[str, Any]) -> dict[str, Any]:
    """Return the cost in USD and by which price, as chat writes them; null where no price is known."""
    usage = usage_of(line)
    requests = int(usage.input is not None or usage.output is not None)
    return cost_fields(*costs.cost(pool, line["deployment"], usage, pool.clock(), requests=requests))


def _moment(line: dict[str, Any]) -> str:
    return str(line["at"])
