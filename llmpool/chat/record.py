"""Write down how a request ended: one usage line, one decision line, the health of who was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool import costs, credentials
from llmpool.chat import retention
from llmpool.chat.journey import Journey
from llmpool.core.chat import ChatRequest
from llmpool.core.ids import split_ref, usage_id
from llmpool.core.outcome import Attempt, TokenUsage
from llmpool.core.routing import Experience
from llmpool.core.times import rfc3339_ms
from llmpool.credentials import NO_KEY
from llmpool.errors import Busy, LlmpoolError, StateUnusable
from llmpool.pool import Pool
from llmpool.router import experience, explain
from llmpool.router import failure as rules
from llmpool.state import health, ledger
from llmpool.usage.cost import COUNTED, cost_fields, counted, token_fields

if TYPE_CHECKING:
    from llmpool.chat.lessons import Lessons

UNRECORDED = "usage not recorded"
PATIENCE = 1.0  # seconds that a request which is not over yet waits for the lock of a file


def record(pool: Pool, request: ChatRequest, journey: Journey) -> None:
    """Record a request that somebody was asked; a directory that refuses costs no answer.

    What was used and decided is owed to the owner: it is tried again until the run ends, which tells by its
    exit code where that was in vain. Averages, counters and allowances only cost a warning.
    """
    pool.keep_lessons()
    if not journey.attempts:
        return
    journey.usage = usage_or_estimate(request, journey)
    if journey.success and not _is_as_asked(journey):
        from llmpool.chat import served

        journey.instead, journey.because = served.told(pool.table, journey)
    state, usage = pool.paths.state, usage_record(pool, journey)
    if any(journey.broken()):
        from llmpool.chat import broken

        usage |= broken.lost(pool, request, journey)
        usage |= cost_fields(journey.cost, usage.get("price_source"), usage.get("price_dated"))
    decision = decision_record(journey, usage)
    pool.owe(UNRECORDED, lambda: retention.append(pool, usage))
    pool.owe("decision not recorded", lambda: ledger.append(state, ledger.DECISIONS, decision))
    if not _is_taken(pool, journey):
        before = journey.learnt, frozenset(journey.rested)
        _keep(pool, lambda: health.update(state, lambda known: _learn(known, pool, journey, before)))
    _keep(pool, lambda: _count_uses(pool, journey))
    if journey.deployment.startswith("trial/"):
        counted = journey.deployment, journey.usage
        pool.owe("not counted for the trial", lambda: credentials.count_trial(pool, *counted))
    if journey.headroom:
        _keep(pool, lambda: _keep_headroom(pool, journey))
    if pool.owed:
        pool.owed.pay()


def _keep(pool: Pool, write: Callable[[], object]) -> None:
    """Write what is of use and no more; that it cannot be is no reason not to write the others."""
    try:
        twice(write)
    except (StateUnusable, Busy) as error:
        pool.warn_once(f"not recorded: {error.message}")


def twice(write: Callable[[], object]) -> None:
    """Write, and once more where the disk says no: it may have been for that moment."""
    try:
        write()
    except StateUnusable:
        write()


def _is_taken(pool: Pool, journey: Journey) -> bool:
    """Say whether a long run keeps what this one taught until it writes the lessons of many together."""
    lessons: Lessons | None = pool.lessons
    new = journey.attempts[journey.learnt :]
    if lessons is None or len(new) != 1 or new[0].failure is not None:
        return False
    from llmpool.chat.lessons import Answer

    return lessons.take(Answer(new[0], pool.clock(), _tokens(journey)))


def _is_as_asked(journey: Journey) -> bool:
    """Say whether it is plain that the first choice answered, and nothing is to be said of it."""
    decision, ref = journey.decision, journey.deployment
    chosen = decision.candidates[0].deployment if decision.candidates else ""
    return decision.requested in ("", ref) and ref == chosen and not (decision.once or decision.loosely)


def _count_uses(pool: Pool, journey: Journey) -> None:
    lessons: Lessons | None = pool.lessons
    if lessons is None:
        credentials.count_uses(pool, journey.attempts)
    else:
        lessons.count(credentials.uses(pool, journey.attempts), pool.clock())


def _keep_headroom(pool: Pool, journey: Journey) -> None:
    from llmpool.state import limits

    lessons: Lessons | None = pool.lessons
    for (provider, key), entries in journey.headroom.items():
        if lessons is None:
            limits.update(pool.paths.state, provider, key, entries, pool.clock())
        else:
            lessons.hear(provider, key, entries, pool.clock())


def usage_or_estimate(request: ChatRequest, journey: Journey) -> TokenUsage:
    """Take the server's count of a request, or an estimate."""
    return counted(journey.usage, request, journey.got, success=journey.whole)


def usage_record(pool: Pool, journey: Journey) -> dict[str, Any]:
    """Build the usage line; unknown values are left out, an unknown cost is null."""
    provider, model = split_ref(journey.deployment)
    usage = journey.usage or TokenUsage()
    price = cost_of(pool, journey)
    journey.cost = price.amount
    journey.usage_id = usage_id()
    failure = journey.attempts[-1].failure
    line: dict[str, Any] = {
        "id": journey.usage_id,
        "at": rfc3339_ms(pool.clock()),
        "provider": provider,
        "model": model,
        "deployment": journey.deployment,
        "success": journey.success,
        **token_fields(usage),
        "request_count": 1,
        "latency_ms": journey.latency_ms,
        "ttft_ms": journey.ttft_ms,
        "key": None if journey.key == "none" else journey.key,
        "decision_id": journey.decision.id,
        "complexity": journey.decision.complexity,
        "requested": journey.decision.requested or None,
        "selected": journey.decision.selected,
        "tag": journey.tag or None,
        "session": journey.session or None,
        "reason": journey.because or None,
        "error": failure.kind if failure else None,
        "interrupted": journey.interrupted or None,
        "attempts": len(journey.attempts),
    }
    return {name: value for name, value in line.items() if value is not None} | cost_fields(*price)


def cost_of(pool: Pool, journey: Journey) -> costs.Cost:
    """Return what came of a request cost, failed or broken off as well; one that nothing came of is free.

    A config that was broken meanwhile costs a warning: what was used is recorded without a cost.
    """
    usage = journey.usage or TokenUsage()
    asked = journey.success or usage.input is not None or usage.output is not None
    try:
        return costs.cost(pool, journey.deployment, usage, pool.clock(), requests=int(asked))
    except LlmpoolError as error:
        pool.warnings.append(f"the cost is not known: {error.message}; later: llmpool usage reprice")
        return costs.Cost()


def decision_record(journey: Journey, usage: dict[str, Any]) -> dict[str, Any]:
    """Build the decision line: the decision with its outcome, features only, the best 50 candidates."""
    decision = journey.decision
    line = explain.decision_json(decision)
    line["outcome"] = {
        "success": journey.success,
        "served_by": journey.deployment,
        "attempts": journey.attempts_json(),
        "latency_ms": journey.latency_ms,
        "ttft_ms": journey.ttft_ms,
        "tokens": (usage.get("input_tokens") or 0) + (usage.get("output_tokens") or 0),
        **{name: usage[name] for each in COUNTED if usage.get(name := f"{each}_tokens") is not None},
        "usage_id": usage["id"],
    }
    return line


def learn(pool: Pool, journey: Journey) -> str:
    """Let who has just failed rest at once: others start meanwhile. Return how long, in words.

    From now on the pool knows what all others have learnt by now as well. Nobody waits for a file here; what
    cannot be written now is written with the outcome.
    """
    last, before = journey.attempts[-1], (journey.learnt, set(journey.rested))
    known: list[health.Health] = []

    def change(state: health.Health) -> None:
        _learn(state, pool, journey)
        known.append(state)

    try:
        health.update(pool.paths.state, change, wait=PATIENCE)
    except (StateUnusable, Busy):
        journey.learnt, journey.rested = before
        return ""
    pool.health = known[-1]
    return _rest(pool.health, last, pool.clock())


def _rest(state: health.Health, last: Attempt, now: float) -> str:
    """Say how long who failed rests: the deployment, or the key it was asked with where that was at fault."""
    from llmpool.router import cooldown

    keys = last.failure is not None and cooldown.is_of_key(last.failure) and last.key != NO_KEY.label
    ref = last.deployment
    scope = cooldown.of_key(split_ref(ref)[0], last.key) if keys else cooldown.of_deployment(ref)
    entry = state.cooldowns.get(scope)
    left = cooldown.read(entry).left(now) if entry else 0.0
    return f"{'its key ' if keys else ''}rests {_span(left)}" if left else ""


def _span(seconds: float) -> str:
    whole = round(seconds)
    unit, length = ("h", 3600) if whole >= 3600 else ("min", 60) if whole >= 60 else ("s", 1)
    return f"{round(whole / length)} {unit}"


def _learn(
    state: health.Health, pool: Pool, journey: Journey, before: tuple[int, Iterable[str]] | None = None
) -> None:
    """Fold what is new of the attempts into contacts, cooldowns, latency and experience (6.9, ruling 10).

    A chain is what one deployment was asked in a row; it counts once, however often that was. *before* is
    what the journey had learnt by then, where this may be the second try.
    """
    if before is not None:
        journey.learnt, journey.rested = before[0], set(before[1])
    now = pool.clock()
    new = list(enumerate(journey.attempts))[journey.learnt :]
    journey.learnt = len(journey.attempts)
    for _, attempt in new:
        experienced(state, attempt, _tokens(journey) if attempt.failure is None else 0)
    for _, chain in groupby(new, key=lambda placed: placed[1].deployment):
        places = list(chain)
        sent = [attempt for _, attempt in places if not attempt.failure or rules.was_sent(attempt.failure)]
        if sent:
            _chain(state, pool, journey, _Chain(sent, now, now - journey.since(places[0][0])))
    state.tidy(now)


def experienced(state: health.Health, attempt: Attempt, tokens: int) -> None:
    """Count an attempt among the experience with its deployment, if it was sent."""
    if attempt.failure and not rules.was_sent(attempt.failure):
        return
    seen = state.experience.get(attempt.deployment, Experience())
    known = experience.record(seen, attempt.failure is None, attempt.latency_ms, tokens)
    state.experience[attempt.deployment] = known


class _Chain(NamedTuple):
    """What was sent to a deployment in a row, seen from *now*, and when that began."""

    sent: list[Attempt]
    now: float
    began: float


def _chain(state: health.Health, pool: Pool, journey: Journey, chain: _Chain) -> None:
    sent, now, _ = chain
    ref, failure = sent[-1].deployment, sent[-1].failure
    provider = split_ref(ref)[0]
    kind = rules.contact_kind(failure) if failure else ""
    state.contact[provider] = {"at": now, "kind": kind, "message": failure.message if failure else ""}
    took = sum(attempt.latency_ms for attempt in sent)
    state.average(provider, float(took) * (2 if failure else 1))
    if failure is None:
        state.answered(provider, ref, sent[-1].key)
        journey.rested.discard(ref)
    if failure is not None or len(sent) > 1:
        _cool(state, pool, journey, chain)


def _cool(state: health.Health, pool: Pool, journey: Journey, chain: _Chain) -> None:
    """Let keys, deployment and provider rest after a chain in which something failed."""
    from llmpool.router import cooldown

    sent, now, began = chain
    ref, failure = sent[-1].deployment, sent[-1].failure
    provider = split_ref(ref)[0]
    several = len({attempt.key for attempt in sent}) > 1
    for key, last in {attempt.key: attempt.failure for attempt in sent}.items():
        if last is not None and (several or cooldown.is_of_key(last)):
            scope = cooldown.of_key(provider, key)
            state.cool(scope, partial(cooldown.cool_key, failure=last, now=now))
    if failure is None or ref in journey.rested:
        return
    journey.rested.add(ref)
    rests = partial(cooldown.cool_deployment, failure=failure, now=now, since=began)
    state.cool(cooldown.of_deployment(ref), rests)
    if sum(bool(entry["enabled"]) for entry in pool.routing["providers"]) > 1:  # else nobody could step in
        state.cool(cooldown.of_provider(provider), partial(cooldown.cool_provider, failure=failure, now=now))


def _tokens(journey: Journey) -> int:
    usage = journey.usage or TokenUsage()
    return (usage.input or 0) + (usage.output or 0)
