"""What a run of probes spent: a usage line for each question a server answered, with the tag `probe`."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from llmpool.core.chat import ChatRequest
from llmpool.core.ids import usage_id
from llmpool.core.outcome import TokenUsage
from llmpool.core.text import tokens
from llmpool.core.times import rfc3339_ms
from llmpool.errors import Busy, StateUnusable
from llmpool.pool import Pool
from llmpool.state import jsonl, ledger

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
        usage = usage_or_estimate(request, said)
        line: dict[str, Any] = {
            "id": usage_id(),
            "at": rfc3339_ms(self.pool.clock()),
            "provider": provider,
            "model": model,
            "deployment": f"{provider}/{model}",
            "success": said.failure is None,
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            "cache_write_1h_tokens": usage.cache_write_1h,
            "reasoning_tokens": usage.reasoning,
            "estimated": usage.estimated or None,
            "request_count": 1,
            "latency_ms": said.latency_ms,
            "key": None if key == "none" else key,
            "decision_id": "",  # nothing was decided; every line that scripts read has the field
            "tag": TAG,
            "error": said.failure.kind if said.failure else None,
        }
        self.lines.append({name: value for name, value in line.items() if value is not None})

    def keep(self) -> None:
        """Write every line down; a directory that refuses costs a warning, not what the probe found."""
        prices = {row.id: (row.input_price, row.output_price) for row in self.pool.table.rows}
        lines = [line | _cost(line, *prices.get(line["deployment"], (None, None))) for line in self.lines]
        folder = self.pool.paths.state / ledger.USAGE
        try:
            for day, some in groupby(sorted(lines, key=_moment), key=lambda line: _moment(line)[:10]):
                jsonl.append_all(folder / f"{day}.jsonl", some)
        except (StateUnusable, Busy) as error:
            self.pool.warnings.append(f"usage not recorded: {error.message}")


def usage_or_estimate(request: ChatRequest, said: Said) -> TokenUsage:
    """Take the server's count, or estimate as chat does where it gave none."""
    if said.usage is not None and said.usage.output is not None:
        return said.usage
    got = tokens(said.text + said.thinking)
    if said.failure is not None and not got:
        return TokenUsage()
    sent = sum(tokens(message.text) for message in request.messages)
    return TokenUsage(input=sent, output=got, estimated=True)


def _cost(line: dict[str, Any], input_price: float | None, output_price: float | None) -> dict[str, Any]:
    """Return the cost in USD and by which price, as chat writes them; null where no price is known."""
    if input_price is None or output_price is None:
        return {"cost": None}
    sent, got = line.get("input_tokens", 0), line.get("output_tokens", 0)
    millionths = Decimal(str(input_price)) * sent + Decimal(str(output_price)) * got
    cost = millionths / 1_000_000 if millionths else Decimal(0)
    return {"price_source": "registry" if millionths else "local", "cost": str(cost)}


def _moment(line: dict[str, Any]) -> str:
    return str(line["at"])
