"""The failover loop: try the plan in order until one deployment answers (DESIGN rulings 8 to 11, 20)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Self

from llmpool import credentials, ways
from llmpool.chat.journey import Done, Event, Journey, Notice
from llmpool.chat.record import record
from llmpool.chat.speak import Speaker, without_carry
from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.ids import split_ref
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.record import Record
from llmpool.core.times import rfc3339
from llmpool.credentials import Credential
from llmpool.errors import (
    Busy,
    ConfigInvalid,
    LlmpoolError,
    NoCredential,
    NothingEligible,
    StateUnusable,
    UnknownName,
    UpstreamFailed,
)
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router import failure as rules
from llmpool.router.route import Choice

IDLE_SECONDS = 300.0  # how long an embedded model stays loaded after its last use, unless idle_ttl says


class Manners(Record):
    """How a request is to be run: *shows* when deltas reach a reader at once, *on_break* stop or restart."""

    shows: bool = True
    on_break: str = "stop"
    max_wait: float = 20.0
    tag: str = ""
    session: str = ""


def chat(pool: Pool, request: ChatRequest, choice: Choice, manners: Manners) -> Iterator[Event]:
    """Answer *request* with the first deployment of the plan that can; yields deltas, notices, then Done.

    Raises UpstreamFailed when every attempt failed or the answer broke off after it was shown, NoCredential
    when every one failed for want of a key, Busy when all are only too busy. Whatever happens, one usage line
    and one decision line are written.
    """
    journey = Journey(choice.decision, manners.tag, manners.session)
    try:
        with _Run(pool, request, journey, manners) as run:
            yield from run.down(choice.plan)
    except (KeyboardInterrupt, GeneratorExit, SystemExit):
        journey.interrupted = not journey.success
        raise
    finally:
        record(pool, request, journey)
    yield Done(journey)


class _Run:
    """One request under way: who it is for, and the journey that its attempts are written into."""

    def __init__(self, pool: Pool, request: ChatRequest, journey: Journey, manners: Manners) -> None:
        self.pool = pool
        self.request = request
        self.journey = journey
        self.manners = manners
        self._client = Client(offline=pool.offline)
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._client.close()

    def down(self, plan: tuple[str, ...]) -> Iterator[Event]:
        """Go down the plan until one answers; each failure is said, and who is asked next."""
        rest = list(plan)
        while rest:
            ref = rest.pop(0)
            yield from self._deployment(ref, retries=0 if rest else self.pool.table.routing.max_retries)
            failure = self.journey.attempts[-1].failure
            if failure is None:
                return
            if self._is_over():
                raise _broke_off(self.journey)
            if not rules.another_may_help(failure):
                break
            if failure.kind == "connect":  # it is the server that is not there, for all of its models
                rest = [other for other in rest if split_ref(other)[0] != split_ref(ref)[0]]
            if rest:
                yield Notice(f"{ref}: {failure.told}; {rest[0]} is asked next")
        raise all_failed(self.journey, self.pool.clock())

    def _is_over(self) -> bool:
        """Say whether something was shown that nobody may talk over (ruling 9)."""
        return self.journey.shown and self.manners.on_break != "restart"

    def _deployment(self, ref: str, retries: int) -> Iterator[Event]:
        """Try one deployment: its keys in turn, and the same again where that may help."""
        provider = self.pool.provider(split_ref(ref)[0])
        try:
            keys = credentials.keys_of(provider, self.pool)
        except NoCredential as error:
            self.journey.start_attempt(ref, "none")
            self.journey.end_attempt(Failure(kind="auth", message=error.message))
            return
        done = 0
        while keys:
            yield from self._attempt(ref, provider, keys[0])
            failure = self.journey.attempts[-1].failure
            if failure is None or self._is_over():
                return
            if rules.next_key_may_help(failure):
                keys = keys[1:]
                continue
            if provider.preset == "embedded" and failure.kind == "connect" and not done:
                done += 1  # its server went idle just now; asking again starts another
                continue
            wait = rules.backoff(failure, done)
            if done >= retries or wait > self.manners.max_wait or not rules.same_again_may_help(failure):
                return
            done += 1
            yield Notice(f"{ref}: {failure.told}; again in {wait:.1f} s")
            time.sleep(wait)

    def _attempt(self, ref: str, provider: Provider, key: KeyRef) -> Iterator[Event]:
        """Make one call with one key; a failure ends up in the journey, not in the caller's lap."""
        journey, failure = self.journey, None
        journey.start_attempt(ref, key.label)
        try:
            for event in self._answers(provider, split_ref(ref)[1], key):
                if isinstance(event, Delta):
                    journey.take(event)
                    journey.shown |= self.manners.shows and bool(event.text or event.thinking or event.tools)
                yield event
        except UpstreamError as error:
            failure = error.failure
        except NoCredential as error:
            failure = Failure(kind="auth", message=error.message)
        except (StateUnusable, UnknownName, NothingEligible, ConfigInvalid) as error:
            failure = Failure(kind="unusable", message=error.message)
        except (KeyboardInterrupt, GeneratorExit, SystemExit):
            journey.end_attempt(Failure(kind="cancelled", message="interrupted"))
            raise
        journey.end_attempt(failure)

    def _answers(self, provider: Provider, model: str, key: KeyRef) -> Iterator[Event]:
        """Ask, in whatever way the provider takes it; an unverified connection is said, once."""
        warning = ways.unverified(provider)
        if warning and provider.id not in self._warned:
            self._warned.add(provider.id)
            yield Notice(warning)
        request = without_carry(_with_defaults(self.request, provider), unless_by=f"{provider.id}/{model}")
        if provider.preset == "embedded":
            yield from self._embedded(provider, model, key, request)
            return
        credential = credentials.resolve(key, provider, self.pool)
        yield from Speaker(self.pool, self._client, self.journey).ask(provider, model, credential, request)

    def _embedded(self, provider: Provider, model: str, key: KeyRef, request: ChatRequest) -> Iterator[Event]:
        """Start the server of an embedded model first, and say so; it is ours, so no network is asked for."""
        from llmpool.embedded import server

        if not any(running.name == model for running in server.running(self.pool.paths.state)):
            yield Notice(f"{model} is being loaded on this machine")
        ttl = IDLE_SECONDS if provider.idle_ttl is None else provider.idle_ttl
        endpoint = server.ensure(self.pool.paths.state, model, idle_ttl=ttl)
        self.journey.start_attempt(self.journey.deployment, key.label)  # its start is not the model's latency
        here = provider.replace(url=endpoint.url, exact=True)
        with Client() as client:
            speaker = Speaker(self.pool, client, self.journey)
            yield from speaker.ask(here, model, Credential(key.label, endpoint.key), request)


def _with_defaults(request: ChatRequest, provider: Provider) -> ChatRequest:
    """Fill what the caller left open with the provider's `params`."""
    params = provider.params
    return request.replace(
        max_tokens=request.max_tokens if request.max_tokens is not None else params.max_tokens,
        temperature=request.temperature if request.temperature is not None else params.temperature,
        top_p=request.top_p if request.top_p is not None else params.top_p,
        thinking=request.thinking if request.thinking is not None else params.thinking,
    )


def _broke_off(journey: Journey) -> UpstreamFailed:
    """Build the error of an answer that ended early: what was shown stays (ruling 9)."""
    failure = journey.attempts[-1].failure
    message = f"{journey.deployment} broke off: {failure.message if failure else 'no end mark'}"
    error = UpstreamFailed(
        message,
        hint="what is above is all there is; ask again, or use --on-break restart",
        details={"attempts": [attempt.as_json() for attempt in journey.attempts]},
    )
    error.kind = "broke_off"
    return error


def all_failed(journey: Journey, now: float) -> LlmpoolError:
    """Build the error of a request nobody answered; its exit code says what all attempts share."""
    failures = [a.failure for a in journey.attempts if a.failure]
    attempts = [attempt.as_json() for attempt in journey.attempts]
    if not failures:
        return NothingEligible("nothing was tried", hint="llmpool route shows why")
    lines = tuple(f"{a.deployment}   {a.failure.told}" for a in journey.attempts if a.failure)
    kinds = {failure.kind for failure in failures}
    waits = [failure.retry_after for failure in failures if failure.retry_after]
    details = {"attempts": attempts, "retry_at": rfc3339(now + min(waits)) if waits else None}
    if len(failures) == 1:
        message, lines = f"{journey.deployment}: {failures[0].told}", ()
    else:
        message = f"all {len(failures)} attempts failed"
    if kinds == {"auth"}:
        return NoCredential(
            message, hint="llmpool providers show tells where keys come from", lines=lines, details=details
        )
    if kinds == {"rate_limit"}:
        longer = f"wait: --max-wait {min(waits):.0f}s" if waits else "try again later"
        return Busy(message, hint=f"{longer}   elsewhere: --fallback", lines=lines, details=details)
    return UpstreamFailed(message, hint=rules.way_out(failures[-1]), lines=lines, details=details)
