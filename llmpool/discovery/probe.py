"""One-token calls to every chat model of a provider: which of them really answer (pool-routing-formats 6.8).

What is found is kept in the inventory. A provider whose key is refused, or that cannot be reached, is left
alone from then on: the rest of its models count as not tried.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from llmpool import credentials, ways
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.deployment import CAPABILITIES, Capabilities
from llmpool.core.inventory import Probe
from llmpool.core.limits import Headroom
from llmpool.core.outcome import Failure
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.times import rfc3339
from llmpool.credentials import Credential
from llmpool.discovery import probe_capabilities
from llmpool.discovery.probe_plan import Plan, Task
from llmpool.discovery.short_call import Asker, Said
from llmpool.discovery.spent import Spent
from llmpool.discovery.workers import side_by_side
from llmpool.errors import NoCredential, NothingEligible, UpstreamFailed, offline_forbids
from llmpool.formats.base import shown
from llmpool.formats.headroom import read_headroom
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router.cooldown import is_of_key
from llmpool.router.failure import contact_kind
from llmpool.state import health, inventory, limits
from llmpool.state.lock import undisturbed

JOBS = 5
SECONDS = 10.0  # for each call
MAX_ERROR = 300
HI = ChatRequest(messages=(Message(role="user", text="hi"),), max_tokens=1, stream=False)
NOT_CONFIGURED = (
    "未配置模型",
    "not configured",
    "model not found",
    "does not exist",
    "not available",
    "invalid model",
    "unknown model",
    "unsupported model",
    "no such model",
)
_NO_ROOM = "output limit was reached"  # OpenAI's way of saying that one token was too few to think

Progress = Callable[[int, int, str], None]  # models done, of how many, and which came last


class Found(NamedTuple):
    """What a probe found at a provider."""

    provider: str
    probe: Probe


class Unasked(NamedTuple):
    """A provider that could not be asked, or not to the end; *kind* is `auth` or `connect`.

    *models* are those that were not tried.
    """

    provider: str
    kind: str
    message: str
    models: int


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a run, once its findings are safe: *kept* verdicts on *models* models."""

    def __init__(self, kept: int, models: int) -> None:
        super().__init__()
        self.kept = kept
        self.models = models


class Report(NamedTuple):
    """What a run of probes found, in the order of its plan, and who could not be asked."""

    found: tuple[Found, ...]
    unasked: tuple[Unasked, ...]


def probe(
    pool: Pool,
    plan: Plan,
    *,
    jobs: int = JOBS,
    timeout: float = SECONDS,
    capabilities: bool = False,
    progress: Progress = lambda _done, _total, _name: None,
) -> Report:
    """Put one token's worth of a question to every model of *plan*, *jobs* at a time, and keep the findings.

    With *jobs* of 0 all are asked at once; *timeout* is for each call. With *capabilities* a model that
    answers is asked three times more. An interrupt keeps what was found until then, and comes out as
    Interrupted; what was spent is recorded in any case.
    """
    if pool.offline and plan.tasks:
        raise offline_forbids("asking models")
    _ = pool.table, pool.memories  # read once here, not once a thread
    for name in dict.fromkeys(task.provider for task in plan.tasks):
        pool.warnings += filter(None, [ways.unverified(pool.provider(name))])
    with Client(offline=pool.offline) as client:
        run = _Run(pool, client, plan, timeout, tries=capabilities)
        try:
            side_by_side(
                plan.tasks,
                run.work,
                jobs=jobs if jobs > 0 else len(plan.tasks),
                heard=lambda result: progress(run.take(*result), len(plan.tasks), "/".join(result[0])),
                stop=run.stop,
            )
        except KeyboardInterrupt:
            run.keep()
            raise Interrupted(len(run.probes), len(plan.tasks)) from None
        except BaseException:
            run.keep()
            raise
        run.keep()
    return run.report()


def verdict(said: Said) -> bool | None:
    """Say whether a model is there: yes when it answered, no when the server says that it has no such model.

    Anything else, a time-out included, tells nothing of it (the source takes a time-out for a no).
    """
    failure = said.failure
    if failure is None or (200 <= said.status < 300 and failure.kind in ("empty", "content")):
        return True
    words = f"{failure.message}\n{said.body}".lower()
    if said.status == 400 and _NO_ROOM in words:
        return True
    if (failure.status or said.status) not in (400, 404) or failure.code == "html":
        return None
    missing = failure.kind == "model_not_found" or any(phrase in words for phrase in NOT_CONFIGURED)
    return False if missing else None


def check(plan: Plan, report: Report | None = None) -> None:
    """Raise when there is nothing to ask, or when nobody at all was heard; the error says what it shares."""
    if not plan.tasks:
        lines = tuple(f"{name}   {why}" for name, why in plan.skipped[:10])
        raise NothingEligible(
            "there is no model to probe",
            lines=lines,
            hint="what there is: llmpool models list",
            details={"skipped": [{"id": name, "reason": why} for name, why in plan.skipped]},
        )
    if report is None or any(found.probe.status for found in report.found):
        return
    facts = [(u.provider, u.message) for u in report.unasked]
    facts += [(f"{f.provider}/{f.probe.model}", f.probe.error) for f in report.found]
    lines = tuple(f"{name}   {why}" for name, why in facts[:10]) if len(facts) > 1 else ()
    message = "no model could be asked" if lines else ": ".join(facts[0])
    details = {"unasked": [unasked._asdict() for unasked in report.unasked]}
    if not report.found and all(unasked.kind == "auth" for unasked in report.unasked):
        hint = "llmpool providers show tells where keys come from; accounts: llmpool providers login"
        raise NoCredential(message, lines=lines, hint=hint, details=details)
    hint = "llmpool providers list shows who answers"
    raise UpstreamFailed(message, lines=lines, hint=hint, details=details)


class _Door:
    """The way in at one provider: the key in use, and why nobody is asked there any more."""

    def __init__(self, pool: Pool, provider: Provider) -> None:
        self.pool = pool
        self.provider = provider
        self.shut: tuple[str, str] | None = None  # kind and message
        self.untried = 0
        self.heads: dict[str, tuple[Headroom, ...]] = {}
        self._keys: list[KeyRef] = []
        self._key: Credential | None = None
        self._lock = Lock()
        try:
            self._keys = credentials.keys_of(provider, pool)
        except NoCredential as error:
            self.shut = ("auth", error.told)
        self._next_key("no key could be tried")

    def key(self) -> Credential | None:
        """Return the key to ask with, None when nobody is to be asked."""
        with self._lock:
            return None if self.shut else self._key

    def refused(self, key: Credential, failure: Failure) -> None:
        """Go on with the next key, if *key* is still the one in use."""
        with self._lock:
            if self._key is key:
                self._next_key(failure.message)

    def unreachable(self, failure: Failure) -> None:
        """Ask nobody here any more."""
        with self._lock:
            self.shut = self.shut or ("connect", failure.message)

    def hear(self, key: Credential, headroom: tuple[Headroom, ...]) -> None:
        """Note what an answer's headers said of the key's allowances."""
        if headroom:
            self.heads[key.label] = headroom

    def _next_key(self, why: str) -> None:
        while self._keys and not self.shut:
            try:
                self._key = credentials.resolve(self._keys.pop(0), self.provider, self.pool)
            except NoCredential as error:
                why = error.told
            else:
                return
        self.shut = self.shut or ("auth", why)


class _Run:
    """A run of probes under way."""

    def __init__(self, pool: Pool, client: Client, plan: Plan, seconds: float, *, tries: bool) -> None:
        self.pool = pool
        self.client = client
        self.plan = plan
        self.tries = tries
        self.spent = Spent(pool)
        self.doors = {name: _Door(pool, pool.provider(name)) for name in plan.by_provider()}
        self.askers = {
            name: Asker(pool, client, door.provider, seconds, self.spent) for name, door in self.doors.items()
        }
        self.probes: dict[Task, Probe] = {}

    def work(self, task: Task) -> tuple[Task, Probe | None]:
        """Probe one model; None when its provider is not to be asked any more."""
        door, asker = self.doors[task.provider], self.askers[task.provider]
        while (key := door.key()) is not None:
            said = asker.ask(task.model, key, HI)
            door.hear(key, read_headroom(said.headers or {}, self.pool.clock()))
            if said.failure is not None and said.failure.status == 401 and is_of_key(said.failure):
                door.refused(key, said.failure)
                continue
            if said.failure is not None and contact_kind(said.failure) == "connect":
                door.unreachable(said.failure)
                continue
            return task, self._probe(task, key, said)
        return task, None

    def _probe(self, task: Task, key: Credential, said: Said) -> Probe:
        can, there = Capabilities(), verdict(said)
        if there and self.tries:
            asker = self.askers[task.provider]
            can = probe_capabilities.capabilities(
                lambda request: asker.ask(task.model, key, request), asker.provider
            )
        failure = None if there else said.failure
        return Probe(
            model=task.model,
            at=rfc3339(self.pool.clock()),
            available=there,
            status=said.status or (failure.status if failure else 0),
            error=shown(failure.message, MAX_ERROR) if failure else "",
            latency_ms=said.latency_ms,
            capabilities=can,
        )

    def take(self, task: Task, probed: Probe | None) -> int:
        """Note a result and return how many there are."""
        if probed is None:
            self.doors[task.provider].untried += 1
        else:
            self.probes[task] = probed
        return len(self.probes) + sum(door.untried for door in self.doors.values())

    def stop(self) -> None:
        """Break off whatever is under way."""
        self.spent.ended = True
        self.client.close()

    @undisturbed()
    def keep(self) -> None:
        """Write down what was spent and found, and what the answers told of rate limits."""
        self.spent.keep()
        state = self.pool.paths.state
        seen = inventory.read(state) if self.probes else None
        for name, door in self.doors.items():
            known = seen.providers.get(name) if seen else None
            earlier = {old.model: old for old in known.probes} if known else {}
            fresh = [_with(earlier.get(t.model), p) for t, p in self.probes.items() if t.provider == name]
            if fresh:
                inventory.remember_probes(state, name, fresh)
            for label, entries in door.heads.items():
                limits.update(state, name, label, entries, self.pool.clock())
        self._keep_contact()
        self.pool.keep_lessons()
        self.pool.forget()

    def _keep_contact(self) -> None:
        """Note who could be reached just now, and who could not."""
        now = self.pool.clock()
        heard = {task.provider for task, probed in self.probes.items() if probed.status}
        away = {n: d.shut[1] for n, d in self.doors.items() if d.shut and d.shut[0] == "connect"}
        contact = {n: {"at": now, "kind": "", "message": ""} for n in heard}
        contact |= {n: {"at": now, "kind": "connect", "message": why} for n, why in away.items()}
        if contact:
            health.update(self.pool.paths.state, lambda state: state.contact.update(contact))

    def report(self) -> Report:
        """Report in the order of the plan."""
        found = [Found(t.provider, self.probes[t]) for t in self.plan.tasks if t in self.probes]
        unasked = [
            Unasked(name, *door.shut, door.untried)
            for name, door in self.doors.items()
            if door.shut and door.untried
        ]
        return Report(tuple(found), tuple(unasked))


def _with(earlier: Probe | None, fresh: Probe) -> Probe:
    """Keep what was tried earlier and not this time."""
    if earlier is None:
        return fresh
    old, new = earlier.capabilities, fresh.capabilities
    values = {name: getattr(new, name) for name in CAPABILITIES}
    kept = {n: getattr(old, n) if value is None else value for n, value in values.items()}
    return fresh.replace(capabilities=Capabilities(**kept))
