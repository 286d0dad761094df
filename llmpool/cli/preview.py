"""`llmpool chat --dry-run`: what would be done, up to the first call, and what it would cost (ruling 22)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmpool import costs
from llmpool.chat.speak import with_defaults
from llmpool.chat.spend import answer_of
from llmpool.cli.answer_view import one_document
from llmpool.cli.output import count, money
from llmpool.core.ids import split_ref
from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import BUDGET
from llmpool.core.text import few
from llmpool.errors import Exit
from llmpool.router.caps import is_free
from llmpool.router.explain import decision_json

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.chat import ChatRequest
    from llmpool.core.routing import Decision
    from llmpool.pool import Pool
    from llmpool.router.route import Choice

ANSWER = 1000  # tokens of an answer that a price is told for, where nothing limits its length


def show(terminal: Terminal, choice: Choice, request: ChatRequest, *, as_json: bool) -> int:
    """Show the plan, its sizes, and what the winner would cost; nothing is sent and nothing recorded."""
    pool, decision = terminal.pool, choice.decision
    longest = _longest(pool, decision, request)
    least, most = _cost(pool, decision.selected, decision.context_size, longest or ANSWER)
    if as_json:
        cost = {"prompt": _plain(least), "worst": _plain(most) if longest else None}
        if not longest:
            cost["with_1000_output_tokens"] = _plain(most)
        plan: dict[str, Any] = {"dry_run": True, "plan": list(choice.plan), "cost": cost}
        one_document(terminal, plan | {"decision": decision_json(decision)})
        return Exit.OK
    terminal.out(f"would ask {few(choice.plan, 4, '   then ')}")
    room = "no limit" if not longest else f"at most {longest}"
    room = f"{longest}" if longest and longest == request.max_tokens else room
    terminal.out(f"  about {_tokens(decision.context_size)} in, {room} out; {decision.reasoning}")
    terminal.out(f"  {_told(least, most, longest)}")
    for each in decision.rejections:
        if each.reasons[0].startswith(BUDGET):
            terminal.out(f"  not {each.deployment}: {each.reasons[0]}")
    return Exit.OK


def _tokens(number: int) -> str:
    return f"{count(number)} token{'s' * (number != 1)}"


def _longest(pool: Pool, decision: Decision, request: ChatRequest) -> int:
    """Return how long an answer may be, thoughts included; 0: as long as the model likes.

    Under a budget or `--max-cost` what costs has a limit whoever says none (ruling 17).
    """
    ref = decision.selected
    asked = with_defaults(request, pool.provider(split_ref(ref)[0]))
    free = any(row.id == ref and is_free(row) for row in pool.table.rows)
    bound = pool.routing["budgets"] or "max_cost" in dict(decision.options)
    return answer_of(pool, ref, asked)[0] if asked.max_tokens or (bound and not free) else 0


def _cost(pool: Pool, ref: str, prompt: int, answer: int) -> tuple[Decimal | None, Decimal | None]:
    """Return what the prompt alone costs, and the most that it costs with an answer of so many tokens."""
    asked = TokenUsage(input=prompt, output=0)
    return costs.cost(pool, ref, asked, pool.clock()).amount, costs.worst(pool, ref, prompt, answer)


def _told(least: Decimal | None, most: Decimal | None, longest: int) -> str:
    if least is None or most is None:
        return "what it would cost is unknown"
    if not most:
        return "free"
    if longest:
        return f"costs {money(least)} to {money(most)}"
    return f"costs {money(least)} for the prompt, at most {money(most)} with an answer of {ANSWER} tokens"


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
