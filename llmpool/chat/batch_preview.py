"""What a batch would ask of whom, and what that may cost: every line is decided, nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from llmpool import costs
from llmpool.chat import attached, sizes
from llmpool.chat import question as questions
from llmpool.chat.batch_ask import Terms, beside
from llmpool.chat.batch_lines import Entry
from llmpool.chat.session import Conversation
from llmpool.chat.speak import with_defaults
from llmpool.chat.spend import answer_of
from llmpool.core.ids import split_ref
from llmpool.decide import decide
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool


class Share:
    """What one deployment would be asked; the costs are None where it has no price."""

    def __init__(self) -> None:
        self.prompts = 0
        self.tokens = 0
        self.prompts_cost: Decimal | None = Decimal(0)
        self.most: Decimal | None = Decimal(0)

    def take(self, tokens: int, prompt: Decimal | None, worst: Decimal | None) -> None:
        """Add a line."""
        self.prompts += 1
        self.tokens += tokens
        self.prompts_cost = _sum(self.prompts_cost, prompt)
        self.most = _sum(self.most, worst)

    def as_json(self, deployment: str) -> dict[str, Any]:
        """Show it as `--json` has it."""
        return {
            "deployment": deployment,
            "prompts": self.prompts,
            "input_tokens": self.tokens,
            "cost_of_prompts": None if self.prompts_cost is None else f"{self.prompts_cost:f}",
            "cost_at_most": None if self.most is None else f"{self.most:f}",
        }


class Plan:
    """What a batch comes to: shares by deployment, and the lines that nobody could answer now."""

    def __init__(self) -> None:
        self.prompts = 0
        self.answered = 0
        self.shares: dict[str, Share] = {}
        self.faults: dict[int, LlmpoolError] = {}

    def as_json(self) -> dict[str, Any]:
        """Show it as `--json` has it."""
        shares = sorted(self.shares.items(), key=lambda share: (-share[1].prompts, share[0]))
        return {
            "dry_run": True,
            "prompts": self.prompts,
            "answered": self.answered,
            "deployments": [share.as_json(name) for name, share in shares],
            "faults": [
                {"line": number, "error": error.as_json()["error"]} for number, error in self.faults.items()
            ],
        }


def preview(
    pool: Pool,
    terms: Terms,
    entries: Iterator[Entry],
    known: Callable[[Entry], bool],
    tick: Callable[[int], None],
) -> Plan:
    """Decide every line that is not *known* to be answered, as the world is now; *tick* is told how many."""
    pool, plan = beside(pool), Plan()
    for entry in entries:
        plan.prompts += 1
        tick(plan.prompts)
        if known(entry):
            plan.answered += 1
            continue
        try:
            _decide(pool, terms, entry, plan)
        except LlmpoolError as error:
            plan.faults[entry.number] = error
    return plan


def _decide(pool: Pool, terms: Terms, entry: Entry, plan: Plan) -> None:
    """Add a line to the share of whoever would be asked; raises what keeps it from being asked."""
    question = entry.question
    if entry.fault is not None or question is None or entry.wanted is None:
        raise entry.fault or LlmpoolError("no question")
    if entry.attach:
        question = question.replace(attached=attached.attach(list(entry.attach)))
    new = questions.new_turns(question)
    request, wanted = questions.both(pool, question, Conversation(), new, entry.wanted)
    choice = decide(pool, wanted, profile=terms.profile, force=terms.force, detail=0)
    if choice.decision.no_eligible:
        raise terms.refuse(pool, choice.decision)
    ref, size = choice.decision.selected, sizes.needed(request)
    answer, _ = answer_of(pool, ref, with_defaults(request, pool.provider(split_ref(ref)[0])))
    plan.shares.setdefault(ref, Share()).take(
        size, costs.worst(pool, ref, size, 0), costs.worst(pool, ref, size, answer)
    )


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Add amounts; with an unknown one the sum is."""
    return None if one is None or other is None else one + other
