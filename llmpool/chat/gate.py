"""The gate every call passes where a rate limit is set, or a vendor said that little is left (ruling 12).

A request is reckoned with the tokens of its prompt, and those its answer may have: the caller's limit, else
`ANSWER`; what it really had is corrected when it has ended. With a limit on the answer tokens are kept
strictly, without one an answer may be longer than reckoned, and the next wait for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from math import inf

from llmpool.chat import sizes
from llmpool.chat.journey import Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.limits import Headroom
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.provider import Provider, RateLimit
from llmpool.errors import Busy, LlmpoolError, StateUnusable
from llmpool.pool import Pool
from llmpool.router import failure as rules
from llmpool.state import rates
from llmpool.state.rates import Wish
from llmpool.usage import waits
from llmpool.usage.line import Granted, Refused
from llmpool.usage.rates import TOLD, Scope, is_nearly_spent, most_tokens

ANSWER = sizes.ROOM  # tokens that an answer nobody limited is reckoned with
LOOK = 5.0  # seconds: who waits longer looks whether somebody ahead has gone
LATE = 0.25  # seconds between the grant and the sending that the length of a minute has room for
GRACE = 1.0  # seconds: nobody who has waited in line is turned away for less


class Gate:
    """Lets the calls of one attempt through, each when its limits allow it.

    *patience* is how long the attempt may wait in all: little where another candidate is ready (ruling 8).
    With *other_keys* a vendor's word about this one is waited for no longer than that either. *waited* tells
    the seconds that were.
    """

    def __init__(
        self,
        pool: Pool,
        provider: Provider,
        ref: str,
        key: str,
        request: ChatRequest,
        *,
        patience: float,
        other_keys: bool = False,
    ) -> None:
        self.pool = pool
        self.patience = patience
        self.waited = 0.0
        self.sleep: Callable[[float], object] = time.sleep
        scopes = scopes_of(pool, provider, ref)
        reckoned = _reckoned(sizes.needed(request), request, scopes)
        told_wait = rules.QUICKLY if other_keys else inf
        self._wish = Wish(provider.id, ref, key, reckoned, scopes, told_wait)
        self._ticket: Granted | None = None

    def enter(self) -> Iterator[Notice]:
        """Return when the next call may be sent, and say so when that takes a while.

        Raises UpstreamError of kind rate_limit when it would take too long: nothing was sent then.
        """
        self.leave(Failure(kind="bad_request", message="", status=400))  # another call came before: refused
        ticket = self._ticket = self._look(None, self.patience - self.waited)
        try:
            if ticket is not None and ticket.waits:
                yield Notice(self._announced(ticket))
            while ticket is not None and ticket.waits:
                self._sleep(ticket.entry.at)
                ticket = self._ticket = self._look(ticket, max(0.0, self.patience - self.waited) + GRACE)
        except BaseException:
            self._give_back()
            raise

    def sent(self) -> None:
        """Stamp a call that was long under way before it left: connecting takes time, and so do crowds."""
        ticket, clock = self._ticket, self.pool.clock
        if ticket is None or clock() - ticket.entry.at <= LATE:
            return
        try:
            entry = rates.stamp(self.pool.paths.state, ticket.entry, clock)
        except (StateUnusable, Busy) as error:
            self._warn(error)
        else:
            self._ticket = ticket._replace(entry=entry)

    def leave(
        self,
        failure: Failure | None,
        usage: TokenUsage | None = None,
        headroom: Iterable[Headroom] = (),
    ) -> None:
        """Note how the last call ended; what never arrived counts for nothing."""
        if _never_sent(failure):
            self._give_back()
            return
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return
        counted = most_tokens(self._wish.scopes) is not None
        tokens = _tokens(failure, usage) if counted else None
        try:
            rates.settle(self.pool.paths.state, ticket.entry, tokens, headroom, self.pool.clock)
        except (StateUnusable, Busy) as error:
            self._warn(error)

    def _sleep(self, until: float) -> None:
        began = time.monotonic()
        self.sleep(max(0.0, min(until - self.pool.clock(), LOOK)))
        self.waited += time.monotonic() - began

    def _look(self, ticket: Granted | None, patience: float) -> Granted | None:
        """Ask for a place, or look again at the one there is; None where nothing limits the call."""
        state, clock = self.pool.paths.state, self.pool.clock
        try:
            if ticket is None:
                got = rates.reserve(state, self._wish, clock, patience)
            else:
                got = rates.advance(state, self._wish, ticket.entry, clock, patience)
        except StateUnusable as error:
            self._warn(error)
            return None
        except Busy as error:
            raise UpstreamError(_failure(error.message, 1.0)) from error
        if isinstance(got, Refused):
            self._ticket = None
            raise UpstreamError(self._refused(got, clock()))
        return got

    def _give_back(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return
        try:
            rates.release(self.pool.paths.state, ticket.entry, self.pool.clock)
        except (StateUnusable, Busy) as error:
            self._warn(error)

    def _announced(self, ticket: Granted) -> str:
        hold = ticket.hold
        why = f"{hold.scope}: {waits.fact(hold)}; " if hold else ""
        left = waits.seconds(ticket.entry.at - self.pool.clock())
        return f"{why}waiting {left} s (Ctrl-C, or --max-wait 0)"

    def _refused(self, refusal: Refused, now: float) -> Failure:
        hold = refusal.hold
        of = "" if hold.scope == self._wish.deployment else f"{hold.scope} is at "
        if refusal.at == inf:
            fact = waits.never(hold)
            return Failure(
                kind="unusable", message=f"{fact} (rate_limit of {hold.scope})", code=rules.OWN_LIMIT
            )
        of_key = "key" if hold.limit in TOLD else ""  # then another key may do
        words = f"{of}{waits.fact(hold)}; {waits.free(refusal.at, now)}"
        return _failure(words, refusal.at - now, of_key)

    def _warn(self, error: LlmpoolError) -> None:
        self.pool.warn_once(f"the rate limits of {self._wish.provider} are not kept: {error.message}")


def hear(pool: Pool, ref: str, key: str, headroom: Iterable[Headroom]) -> None:
    """Remember for the next request that a vendor says little is left, where no limit of its own is set."""
    told = tuple(headroom)
    if not is_nearly_spent(told):
        return
    try:
        rates.hear(pool.paths.state, ref, key, told, pool.clock)
    except (StateUnusable, Busy) as error:
        pool.warnings.append(f"what {ref} said of its limits is not kept: {error.message}")


def scopes_of(pool: Pool, provider: Provider, ref: str) -> tuple[Scope, ...]:
    """List the limits that the owner set for a deployment: its provider's, and its own."""
    own = pool.routing["rate_limits"].get(ref)
    scopes = [Scope(provider.id, provider.rate_limit)] if provider.rate_limit else []
    return (*scopes, *([Scope(ref, RateLimit(**own))] if own else []))


def _reckoned(prompt: int, request: ChatRequest, scopes: tuple[Scope, ...]) -> int:
    """Reckon the tokens of a request; room for an answer makes nothing impossible that its prompt is not."""
    wanted = prompt + (request.max_tokens or ANSWER)
    most = most_tokens(scopes)
    return wanted if most is None else max(prompt, min(wanted, most))


def _tokens(failure: Failure | None, usage: TokenUsage | None) -> int | None:
    """Count what a call really had: nothing where it was refused; None where nobody knows."""
    if failure is not None and failure.status >= 400:
        return 0
    if usage is None or usage.estimated or usage.input is None or usage.output is None:
        return None
    return usage.input + usage.output


def _never_sent(failure: Failure | None) -> bool:
    return failure is not None and (
        failure.kind in ("connect", "unusable") or failure.code in ("connect_timeout", rules.OWN_LIMIT)
    )


def _failure(message: str, left: float, param: str = "") -> Failure:
    return Failure(
        kind="rate_limit",
        message=message,
        code=rules.OWN_LIMIT,
        param=param,
        retry_after=left,
        should_retry=False,
    )
