"""The failover loop: try the plan in order until one deployment answers (DESIGN rulings 8 to 11, 20).

How often one prompt knocks. Each deployment of the plan is asked once with each of its keys until one is
taken. What may pass by itself is repeated, `max_retries` times at most: while another candidate is ready for
as long as the waits add up to two seconds, and when nobody is left for as long as `--max-wait` lasts, whoever
is free first. A provider that cannot be reached or takes no key is left out of the rest; so is one at which
five deployments have failed. No prompt asks more than a hundred deployments.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from llmpool import credentials, errors, ways
from llmpool.chat import session, sizes
from llmpool.chat.instances import Instances
from llmpool.chat.journey import Done, Event, Journey, Notice, Seam
from llmpool.chat.manners import Manners, Pace
from llmpool.chat.record import learn, record
from llmpool.chat.speak import Speaker, with_defaults, without_carry
from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.ids import split_ref
from llmpool.core.limits import ending
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.routing import BUDGET
from llmpool.errors import Busy, ConfigInvalid, NoCredential, NothingEligible, StateUnusable, UnknownName
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router import failure as rules
from llmpool.router.route import Choice
from llmpool.state.lock import undisturbed

if TYPE_CHECKING:
    from llmpool.chat.gate import Gate
    from llmpool.chat.spend import Purse
    from llmpool.chat.waits import Waits

MOST_ASKED = 100  # deployments that one prompt asks at most


def chat(
    pool: Pool,
    request: ChatRequest,
    choice: Choice,
    manners: Manners,
    pace: Pace | None = None,
    *,
    client: Client | None = None,
) -> Iterator[Event]:
    """Answer *request* with the first deployment of the plan that can; yields deltas, notices, then Done.

    Raises UpstreamFailed when every attempt failed or the answer broke off after it was shown, NoCredential
    when every one failed for want of a key, Busy when all are only too busy. Whatever happens, one usage line
    and one decision line are written. Many requests may share a *client*, which stays open.
    """
    journey = Journey(choice.decision, manners.tag, manners.session)
    try:
        with ExitStack() as stack:
            client = client or stack.enter_context(Client(offline=pool.offline))
            yield from _Run(pool, request, journey, manners, pace or Pace(), client=client).down(choice.plan)
    except (KeyboardInterrupt, GeneratorExit, SystemExit):
        journey.interrupted = not journey.success
        raise
    finally:
        with undisturbed():
            record(pool, request, journey)
            unkept = session.take(pool, journey, manners.keep)
    yield Done(journey)
    if unkept is not None:
        raise unkept


class _Run:
    """One request under way: who it is for, and the journey that its attempts are written into."""

    def __init__(
        self,
        pool: Pool,
        request: ChatRequest,
        journey: Journey,
        manners: Manners,
        pace: Pace,
        *,
        client: Client,
    ) -> None:
        self.pool = pool
        self.request = request
        self.journey = journey
        self.manners = manners
        self.pace = pace
        self._ends = None if manners.deadline is None else pace.now() + manners.deadline
        self._refused: set[tuple[str, str]] = set()  # keys that were, by provider and label
        self._hurries = False  # whether another candidate is ready
        self._client = client
        self._warned: set[str] = set()
        self._instances = Instances(pool, journey)

    def down(self, plan: tuple[str, ...]) -> Iterator[Event]:
        """Go down the plan until one answers; each failure is said, and who is asked next."""
        rest = list(plan[:MOST_ASKED])
        ref = rest.pop(0) if rest else ""
        while ref:
            yield from self._deployment(ref, hurries=bool(rest))
            failure = self.journey.attempts[-1].failure
            if failure is None:
                return
            if self._is_over() or self._is_late() or not rules.another_may_help(failure):
                break
            rest = rules.left_to_ask(rest, self.journey.attempts)
            if failure.code == BUDGET and self._purse:
                rest = self._purse.onward(rest)
            if failure.kind == "context_length":
                from llmpool.chat import overflow

                rest = yield from overflow.onward(self.pool, self.journey, rest, ref, failure)
            if rest:
                rests = learn(self.pool, self.journey)
                rest = self._waits.awake_first(self.pool, rest, self.journey.decision.strategy)
                yield self.journey.passed_on(ref, failure, rests, rest[0])
                ref = rest.pop(0)
            else:
                ref = yield from self._soonest(f"{ref}: {failure.told}")
        from llmpool.chat import ending

        if self.journey.shown:
            yield Seam()
        if self._is_over():
            raise ending.broke_off(self.journey)
        refused = self._purse.refused(self.journey) if self._purse else None
        error = refused or ending.all_failed(self.pool, self.journey)
        if refused or isinstance(error, StateUnusable):
            self.journey.attempts.clear()  # nobody was asked, so nothing is recorded
        raise error

    def _is_over(self) -> bool:
        """Say whether something was shown that nobody may talk over (ruling 9)."""
        return self.journey.shown and self.manners.on_break != "restart"

    def _is_late(self) -> bool:
        return self._ends is not None and self.pace.now() >= self._ends

    def _soonest(self, words: str) -> Generator[Event, None, str]:
        """Wait for whoever may be asked again first, as long as there is patience left; else nobody."""
        found = self._waits.soonest()
        if found is None:
            return ""
        ref, seconds = found
        who = "" if words.startswith(f"{ref}:") else f"{ref} is asked "
        yield from self._waits.wait(seconds, f"{words}; {who}again")
        return ref

    @cached_property
    def _waits(self) -> Waits:
        """The waiting of this request; there is none to speak of when all is well."""
        from llmpool.chat.waits import Waits

        once = self.journey.decision.resting if self.journey.decision.once else ()
        retries = self.pool.table.routing.max_retries
        return Waits(self.pace, self.manners.max_wait, retries, self._ends, once)

    @cached_property
    def _purse(self) -> Purse | None:
        """What this request may spend; None, at no cost, where nothing limits that."""
        routing, limit = self.pool.routing, dict(self.journey.decision.options).get("max_cost")
        if not routing["budgets"] and routing["unpriced"] != "deny" and limit is None:
            return None
        from llmpool.chat.spend import Purse

        return Purse(self.pool, self.manners.tag, limit)

    def _deployment(self, ref: str, *, hurries: bool) -> Iterator[Event]:
        """Try one deployment: its keys in turn, and the same again where that may help before others can."""
        provider = self.pool.provider(split_ref(ref)[0])
        woken, self._hurries = False, hurries
        keys = self._keys(ref, provider)
        limited: list[tuple[Failure, KeyRef]] = []
        while keys:
            key = keys.pop(0)
            gate = self._gate(ref, provider, key.label, hurries=hurries, other_keys=bool(keys))
            yield from self._attempt(ref, provider, key, gate)
            failure = self.journey.attempts[-1].failure
            if failure is None or self._is_over() or self._is_late():
                return
            if rules.next_key_may_help(failure) or (rules.is_too_much_for_key(failure) and (keys or limited)):
                self._note_key(provider, key, failure, limited)
                if not keys and not limited:
                    tired = credentials.resting(provider, self.pool, self._refused)
                    keys = self._waits.tired(ref, tired, hurries=hurries)
                if keys:
                    yield Notice(f"{ref}: {failure.told}; key {keys[0].label} is asked with next")
                    continue
                if not limited:
                    return
                failure, key = min(limited, key=lambda each: each[0].retry_after or 0.0)
                limited.clear()
            elif provider.preset == "embedded" and failure.kind == "connect" and not woken:
                woken, keys = True, [key]  # its server went idle just now; asking again starts another
                continue
            elif failure.kind == "context_length" and (
                yield from self._instances.grown(ref, provider, self.request, failure)
            ):
                keys = [key]
                continue
            wait = self._waits.before_the_same(ref, failure, hurries=hurries and not self.journey.shown)
            if not wait:
                return
            yield from self._waits.wait(wait, f"{ref}: {failure.told}; again")
            keys = [key]

    def _keys(self, ref: str, provider: Provider) -> list[KeyRef]:
        """List the keys to try, in order, but for those refused meanwhile; none leaves a failed attempt."""
        message, hint = f"{provider.id}: every key was refused", ""
        try:
            keys = credentials.keys_in_turn(provider, self.pool)
        except NoCredential as error:
            keys, message, hint = [], error.message, error.hint
        keys = [key for key in keys if (provider.id, key.label) not in self._refused]
        keys = keys or credentials.resting(provider, self.pool, self._refused)
        if not keys:
            self.journey.start_attempt(ref, "none")
            self.journey.end_attempt(Failure(kind="auth", message=message, hint=hint))
        return keys

    def _note_key(
        self, provider: Provider, key: KeyRef, failure: Failure, limited: list[tuple[Failure, KeyRef]]
    ) -> None:
        """Note what became of a key: too fast just now, or of no use for the rest of this request."""
        if failure.kind == "rate_limit":
            limited.append((failure, key))
        elif not rules.is_too_much_for_key(failure):  # that may do for less
            self._refused.add((provider.id, key.label))

    def _gate(
        self, ref: str, provider: Provider, key: str, *, hurries: bool, other_keys: bool
    ) -> Gate | None:
        """Return the gate of the rate limits, where there are any; most have none, and load nothing."""
        log = self.pool.paths.state / "rates" / f"{provider.id}.json"
        if not (provider.rate_limit or ref in self.pool.routing["rate_limits"] or log.exists()):
            return None
        from llmpool.chat.gate import Gate

        request, patience = with_defaults(self.request, provider), self._waits.in_line(hurries=hurries)
        gate = Gate(self.pool, provider, ref, key, request, patience=patience, other_keys=other_keys)
        gate.sleep = self.pace.sleep
        return gate

    def _leave(self, gate: Gate | None, failure: Failure | None) -> None:
        """Note how an attempt ended: what it cost, and at the gate what its vendor said of its limits."""
        journey = self.journey
        if self._purse:
            self._purse.settle(journey, self.request)
        told = journey.headroom.get((split_ref(journey.deployment)[0], journey.key), ())
        if told and failure is not None and failure.retry_after is not None:
            told = ending(told, self.pool.clock() + failure.retry_after)
        if gate is not None:
            gate.leave(failure, journey.usage if failure is None else journey.part(), told)
            self._waits.count(gate.waited)
        elif told:
            from llmpool.chat import gate as gates

            gates.hear(self.pool, journey.deployment, journey.key, told)

    def _attempt(self, ref: str, provider: Provider, key: KeyRef, gate: Gate | None) -> Iterator[Event]:
        """Make one call with one key; a failure ends up in the journey, not in the caller's lap.

        Whatever ends it, an interrupt or a bug: what came was paid for, and is written down as that.
        """
        self.journey.start_attempt(ref, key.label)
        failure: Failure | None = Failure(kind="cancelled", message="interrupted")
        asked = True
        try:
            failure = yield from self._tried(provider, key, gate)
        except (StateUnusable, Busy) as error:  # alone it is no request, behind others one more that failed
            asked, failure = bool(self.journey.attempts or self.journey.got), rules.unusable(error)
            raise
        finally:
            with undisturbed():
                if asked:
                    self.journey.end_attempt(failure)
                self._leave(gate, failure)

    def _tried(
        self, provider: Provider, key: KeyRef, gate: Gate | None
    ) -> Generator[Event, None, Failure | None]:
        """Take an answer into the journey and hand it on; return what was wrong with it."""
        journey, manners, failure = self.journey, self.manners, None
        try:
            for event in self._answers(self._in_time(provider), split_ref(journey.deployment)[1], key, gate):
                if isinstance(event, Delta):
                    journey.take(event)
                    if self._purse:
                        self._purse.keep()
                    if not journey.shown:
                        seen = (event.text and manners.shows) or (event.thinking and manners.shows_thinking)
                        journey.shown = bool(seen)
                yield event
            failure = manners.objection(journey)
        except UpstreamError as error:
            from llmpool.core.echo import unechoed

            said = unechoed(error.failure.message, (each.text for each in self.request.messages))
            failure = error.failure.replace(message=said)  # messages are kept, texts are not
        except NoCredential as error:
            failure = Failure(kind="auth", message=error.message, hint=error.hint)
        except (StateUnusable, UnknownName, NothingEligible, ConfigInvalid, Busy) as error:
            failure = rules.unusable(error)
            if isinstance(error, errors.LaterState) or (self._purse and self._purse.is_lost):
                raise
        if failure is not None and failure.kind == "timeout" and self._is_late():
            return failure.replace(code=rules.DEADLINE)
        if failure is None:
            return None
        return ways.of_whom(self.pool, provider, split_ref(journey.deployment)[1], failure)

    def _in_time(self, provider: Provider) -> Provider:
        """Give a call no more time than is left of the whole request."""
        if self._ends is None:
            return provider
        left = max(0.05, self._ends - self.pace.now())
        return provider.replace(total_timeout=min(left, provider.total_timeout or left))

    def _answers(self, provider: Provider, model: str, key: KeyRef, gate: Gate | None) -> Iterator[Event]:
        """Ask, in whatever way the provider takes it; an unverified connection is said, once."""
        warning = ways.unverified(provider)
        if warning and provider.id not in self._warned:
            self._warned.add(provider.id)
            yield Notice(warning)
        ref, ready = f"{provider.id}/{model}", self.manners.meanwhile
        request = without_carry(with_defaults(self.request, provider), unless_by=ref)
        request = yield from sizes.within(self.pool, ref, request, told=bool(self.request.max_tokens))
        if provider.preset == "embedded":
            from llmpool.chat import embedded

            yield from embedded.ask(self.pool, self.journey, provider, model, key, request, gate, ready)
            return
        if self._purse:
            request = yield from self._purse.reserve(ref, key.label, request, self._waits, self._hurries)
            ready = self._purse.kept_until_sent(ready)
        yield from self._instances.prepared(ref, provider, request)
        credential = credentials.resolve(key, provider, self.pool)
        speaker = Speaker(self.pool, self._client, self.journey, gate)
        speaker.instance, speaker.meanwhile = self._instances.name(ref), ready
        speaker.limited = bool(self._purse and self._purse.binds)
        yield from speaker.ask(provider, model, credential, request)
