"""What a request may spend: each attempt reserves its worst case, and is charged what it cost (ruling 17).

The answer of a call under a budget is limited: to what its caller allows, else to `ANSWER` tokens, and to
fewer where the budget affords no more. What costs nothing is neither limited nor refused. Where only what
others have reserved is in the way, it is waited for: most answers are far shorter than they might be.

`--max-cost` is kept here as well: which model answers, and how much it is to think, is known only now.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmpool import budgets as kept
from llmpool import costs
from llmpool.chat import sizes
from llmpool.chat.journey import Journey, Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.config import ANSWER, LEAST_ANSWER
from llmpool.core.ids import is_of_key
from llmpool.core.money import usd
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.routing import BUDGET, MAX_COST
from llmpool.errors import Busy, LlmpoolError, NothingEligible, StateUnusable
from llmpool.formats.effort import BUDGETS as THOUGHTS
from llmpool.pool import Pool
from llmpool.router import eligible
from llmpool.state import budgets as file
from llmpool.state.lock import undisturbed
from llmpool.usage import budgets as rules
from llmpool.usage.budgets import Granted, Lease, Short, Wish
from llmpool.usage.cost import counted

if TYPE_CHECKING:
    from llmpool.chat.waits import Waits

LOOK = 0.25  # seconds between two looks at whether others have left something


class Purse:
    """The budgets over one request, whose calls are recorded with *tag*, and its own limit (`--max-cost`).

    *is_lost*: the file of the budgets cannot be used now, and nothing may be sent. *binds*: the call that was
    reserved last may have no longer an answer than it was given.
    """

    def __init__(self, pool: Pool, tag: str, limit: str | None = None) -> None:
        self.pool = pool
        self.tag = tag
        self.limit = limit
        self.keeping = kept.keeping(pool)
        self.is_lost = self.binds = False
        self._lease: Lease | None = None
        self._short: list[Short] = []

    def reserve(
        self, ref: str, key: str, request: ChatRequest, waits: Waits, hurries: bool
    ) -> Generator[Notice, None, ChatRequest]:
        """Reserve the worst case of a call, and return its request with the limit that keeps to it.

        Raises UpstreamError where a budget forbids it: nothing was sent then.
        """
        over = [budget for budget in self.keeping.budgets if rules.covers(budget, ref, key, self.tag)]
        wanted, least = answer_of(self.pool, ref, request)
        if self.limit is not None:
            wanted = yield from self._within_limit(ref, request, wanted, least)
        most = costs.worst(self.pool, ref, sizes.needed(request), wanted)
        if most is None:
            self._check_unpriced(ref, forbidding=[each.name for each in over if each.on_exceed != "warn"])
        granted = wanted
        self.binds = bool(most) and (self.limit is not None or any(b.on_exceed != "warn" for b in over))
        if not over or most == 0:
            return request if self.limit is None or most == 0 else _limited(request, granted)
        if most is not None:
            fixed = costs.worst(self.pool, ref, sizes.needed(request), 0) or rules.NOTHING
            wish = Wish(ref, key, self.tag, fixed, (most - fixed) / wanted, wanted, least)
            got = yield from self._asked(wish, waits, hurries)
            granted = got.tokens
            if got.by:
                yield Notice(f"{BUDGET} {got.by} affords {ref} an answer of {granted} tokens, not {wanted}")
        return _limited(request, granted)

    def keep(self) -> None:
        """Keep the lease of an answer that takes long; where that fails it is charged all the same, later."""
        lease = self._lease
        if lease is not None and self.pool.clock() - lease.at > rules.HOLDS / 2:
            with suppress(StateUnusable, Busy):
                self._lease = file.renew(self.keeping, lease)

    def kept_until_sent(self, ready: Callable[[], object] | None) -> Callable[[], object] | None:
        """Return what is to be called when a call has left: it may have waited in line for long by then."""
        if self._lease is None:
            return ready

        def sent() -> None:
            self.keep()
            if ready is not None:
                ready()

        return sent

    def settle(self, journey: Journey, request: ChatRequest) -> None:
        """Charge what the last call of a journey really cost: nothing where nothing of an answer came."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            cost = self._cost(journey, request)
        except LlmpoolError:
            cost = lease.amount  # prices that cannot be read now make nothing cheaper
        words = f"what {lease.deployment} cost is in no budget"
        self.pool.owe(words, lambda: file.settle(self.keeping, lease, cost))

    def onward(self, rest: list[str]) -> list[str]:
        """Leave own machines out, where the budget refuses rather than lets them step in."""
        if not self._short or self._short[-1].standing.budget.on_exceed == "local":
            return rest
        from llmpool.router.caps import is_own

        own = {row.id for row in self.pool.table.rows if is_own(row)}
        return [ref for ref in rest if ref not in own]

    def refused(self, journey: Journey) -> LlmpoolError | None:
        """Return the error of a request that budgets alone kept from being sent; None of any other."""
        if not all(each.failure and each.failure.code in (BUDGET, MAX_COST) for each in journey.attempts):
            return None
        failed = {each.deployment: each.failure for each in journey.attempts if each.failure}
        told = {ref: each.message for ref, each in failed.items() if each.code == BUDGET}
        details: dict[str, Any] = {"attempts": journey.attempts_json()}
        if not told:
            return _too_dear(failed, details)
        lines = tuple(f"{ref}   {words}" for ref, words in told.items())
        short = min(self._short, key=lambda each: each.worst, default=None)
        return kept.refusal(self.pool, told, self.tag, details, lines=lines, short=short)

    def _within_limit(
        self, ref: str, request: ChatRequest, wanted: int, least: int
    ) -> Generator[Notice, None, int]:
        """Return how many tokens of an answer `--max-cost` affords; raises UpstreamError where too few."""
        row, limit = sizes.row_of(self.pool, ref), Decimal(self.limit or 0)
        price = row and eligible.dearest(row, self.pool.table, sizes.needed(request))
        if not price:
            raise _forbidden(eligible.NO_LIMIT, code=MAX_COST)
        fixed, each = price
        if fixed + each * wanted <= limit:
            return wanted
        if fixed + each * least > limit:
            raise _forbidden(f"could cost {fixed + each * least:.4f} USD, over {limit}", code=MAX_COST)
        affords = int((limit - fixed) / each)
        yield Notice(f"{MAX_COST} {limit} affords {ref} an answer of {affords} tokens, not {wanted}")
        return affords

    def _asked(self, wish: Wish, waits: Waits, hurries: bool) -> Generator[Notice, None, Granted]:
        """Ask for a lease, again while others may give some of theirs back; raises UpstreamError."""
        got, told = self._look(wish), False
        while isinstance(got, Short) and got.busy and waits.in_line(hurries=hurries) > 0:
            if not told:
                yield Notice(f"{self._words(got)}; waiting (Ctrl-C, or --max-wait 0)")
            told = True
            waits.spend(min(LOOK, waits.in_line(hurries=hurries)))
            got = self._look(wish)
        if isinstance(got, Granted):
            return got
        self._short.append(got)
        reset = rules.reset(got.standing, self.pool.clock())
        of_key = "key" if is_of_key(got.standing.budget.scope) else ""
        raise _forbidden(f"{self._words(got)}, {reset}", of_key=of_key)

    def _look(self, wish: Wish) -> Granted | Short:
        try:
            with undisturbed():
                got = file.reserve(self.keeping, wish)
                self._lease = got.lease if isinstance(got, Granted) else None
        except (StateUnusable, Busy):
            self.is_lost = True
            raise
        return got

    def _words(self, short: Short) -> str:
        name = short.standing.budget.name
        return f"{BUDGET} {name}: {rules.fact(short.standing)}, this may cost {usd(short.worst)}"

    def _check_unpriced(self, ref: str, forbidding: list[str]) -> None:
        """Refuse a call of unknown price where that is decided, or where a budget could not be kept."""
        decided = kept.unpriced(self.pool)
        if decided == "allow" or not (forbidding or decided == "deny"):
            return
        from llmpool.core.word import word
        from llmpool.router.caps import NO_PRICE

        name = forbidding[0] if forbidding else "rule unpriced"
        raise _forbidden(f"{BUDGET} {name}: {NO_PRICE} {word(ref)} --input USD --output USD")

    def _cost(self, journey: Journey, request: ChatRequest) -> Decimal:
        """Reckon what came of a call: as its server counted, and all that was streamed before it failed."""
        usage = counted(journey.usage, request, journey.got, success=journey.whole)
        if usage == TokenUsage():
            return rules.NOTHING
        return costs.cost(self.pool, journey.deployment, usage, self.pool.clock()).amount or rules.NOTHING


def answer_of(pool: Pool, ref: str, request: ChatRequest) -> tuple[int, int]:
    """Return the tokens that an answer may have, thoughts included, and those it needs to be of use."""
    thought = THOUGHTS.get(request.thinking or "", 0)
    if (request.thinking or "").isdecimal():
        thought = int(request.thinking or 0)
    given = request.max_tokens or 0
    if given > thought:
        return given, min(given, thought + LEAST_ANSWER)
    if given:  # some formats have thoughts on top of such a limit, and room for an answer (anthropic)
        return thought + ANSWER, thought + ANSWER
    row = sizes.row_of(pool, ref)
    room = row.window - sizes.needed(request) if row and row.window else ANSWER
    longest = pool.routing["outputs"].get(ref, ANSWER)
    answer = max(LEAST_ANSWER, min(ANSWER, room, longest))
    return thought + answer, thought + LEAST_ANSWER


def _limited(request: ChatRequest, tokens: int) -> ChatRequest:
    """Limit the answer of a request, but for one that its caller has limited to less."""
    return request.replace(max_tokens=min(tokens, request.max_tokens or tokens))


def _too_dear(failed: dict[str, Failure], details: dict[str, Any]) -> NothingEligible:
    """Build the error of a request that its own limit alone kept from being sent."""
    told = {ref: failure.message for ref, failure in failed.items()}
    details["rejections"] = [{"deployment": ref, "reasons": [words]} for ref, words in told.items()]
    return NothingEligible(
        "nothing may answer at that cost; nothing was sent",
        hint="a higher --max-cost, less --think, or a smaller --max-tokens",
        lines=tuple(f"{ref}   {words}" for ref, words in told.items()),
        details=details,
    )


def _forbidden(message: str, *, code: str = BUDGET, of_key: str = "") -> UpstreamError:
    return UpstreamError(
        Failure(kind="unusable", message=message, code=code, param=of_key, should_retry=False)
    )
