"""One line of a batch, from its question to the document of its answer, in a thread with a pool of its own.

A pool keeps what it has read, and a list of what it noticed: nothing in it is made for several threads. Each
thread has one therefore, with the registry that all share, and looks afresh at the health of the others
before each line. What several do to one file on disk is locked there, for threads as for processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.chat import question as questions
from llmpool.chat.batch_lines import Entry
from llmpool.chat.journey import Done, Journey, Notice, document
from llmpool.chat.lessons import Lessons
from llmpool.chat.manners import Manners, Pace
from llmpool.chat.run import chat
from llmpool.chat.session import Conversation
from llmpool.decide import decide
from llmpool.errors import Busy, ConfigInvalid, LlmpoolError, Refused
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry.staleness import epoch
from llmpool.state import compiled
from llmpool.state.owed import Owed

if TYPE_CHECKING:
    from llmpool.core.chat import ChatRequest
    from llmpool.core.routing import Decision, RouteRequest
    from llmpool.router.route import Choice

Refuse = Callable[[Pool, "Decision"], LlmpoolError]
Hear = Callable[[Notice | None], None]

LOOK = 0.25  # seconds between two looks at whether others have left something of a budget
LOOKS_LESS = 2.0  # seconds between them after a while
LEASES_END = 600.0  # seconds after which nothing is reserved any more that was when the wait began
ROUNDS = 5  # how often a line is sent that servers are too busy for


class Terms(NamedTuple):
    """What holds for every line: *refuse* builds the error where nobody may answer."""

    refuse: Refuse
    profile: str = ""
    force: bool = False
    extract: bool = False
    max_wait: float = 600.0


class Stopped(Exception):
    """The batch is over for this line, which nobody has answered: *error* says why; None is an interrupt."""

    def __init__(self, error: LlmpoolError | None = None) -> None:
        super().__init__()
        self.error = error


class Answer(NamedTuple):
    """What a line of the answers says besides its head, and what a person is told: who stepped in, cost."""

    document: dict[str, Any]
    instead: str = ""
    cost: Decimal | None = None


class Shared:
    """What the threads of a batch share: a client, keys that are slow to read, and what answers teach.

    *owed* are records that could not be written yet: the pool of the run has them too, and tells at its end.
    """

    def __init__(self, pool: Pool) -> None:
        self.client = Client(offline=pool.offline)
        self.lessons = Lessons(pool.paths.state)
        self.owed = pool.owed = pool.owed if pool.owed is not None else Owed()
        self._keys: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def key(self, place: tuple[str, str], read: Callable[[], str]) -> str:
        """Return a key, read once for all; threads that want it meanwhile wait for the first."""
        with self._lock:
            if place not in self._keys:
                self._keys[place] = read()
            return self._keys[place]

    def forget(self) -> None:
        """Read keys anew: one was refused, and may have been replaced."""
        with self._lock:
            self._keys.clear()


class Asker:
    """Asks one line after the other, until *stop* is set; *hear* is told what is being waited for."""

    def __init__(self, pool: Pool, terms: Terms, stop: Event, hear: Hear, shared: Shared) -> None:
        self.pool = beside(pool)
        self._join(shared)
        self._stamp = _stamp(pool)
        self.terms = terms
        self._stop = stop
        self._hear = hear
        self._shared = shared
        self._pace = Pace(sleep=self._sleep)

    def ask(self, entry: Entry) -> Answer:
        """Answer a line; raises an error that is this line's, or Stopped where no other would fare better."""
        waited, rounds = 0.0, 0
        while True:
            self._look_afresh()
            try:
                return self._ask(entry)
            except Busy as error:
                rounds += _was_sent(error)
                pause = self._until(error, entry, rounds)
            except Refused as error:
                pause = self._affordable(error, entry, waited)
            waited += pause
            self._sleep(pause)

    def _look_afresh(self) -> None:
        """See what others have learnt, what the owner has decided, and what costs something else by now.

        A broken config waits.
        """
        self.pool.__dict__.pop("health", None)
        stamp, until = _stamp(self.pool), self.pool.routing.get("until")
        if stamp == self._stamp and (until is None or self.pool.clock() < until):
            return
        self._stamp, now = stamp, _opened(self.pool)
        try:
            _ = now.routing, now.table
        except ConfigInvalid as error:
            self.pool.warnings.append(f"the config is used as it was before: {error.message}")
        else:
            now.warnings += self.pool.warnings
            self.pool = now
            self._join(self._shared)

    def _join(self, shared: Shared) -> None:
        """Let the pool have what all threads share."""
        self.pool.keys_read = shared.key
        self.pool.lessons = shared.lessons
        self.pool.owed = shared.owed

    def _ask(self, entry: Entry) -> Answer:
        question = self._with_files(entry)
        wanted = entry.wanted
        if wanted is None:  # for the type alone: an entry without one has a fault
            raise Stopped
        new = questions.new_turns(question)
        request, wanted = questions.both(self.pool, question, Conversation(), new, wanted)
        choice = self._choice(wanted)
        request = self._with_pictures(request, choice)
        journey = self._run(request, choice, self._manners(question))
        found = document(journey)
        if question.schema is not None or self.terms.extract:
            from llmpool.chat import extract

            bare = extract.unfenced if question.schema is not None else extract.first_block
            found["text"] = bare(journey.answer)
        return Answer(found, journey.instead, journey.cost)

    def _with_files(self, entry: Entry) -> Any:
        question = entry.question
        if entry.attach and question is not None:
            from llmpool.chat import attached

            question = question.replace(attached=attached.attach(list(entry.attach)))
        return question

    def _choice(self, wanted: RouteRequest) -> Choice:
        """Decide, by turns that are this line's alone; raises where nobody may answer."""
        choice = self._decide(wanted)
        if choice.decision.turns:
            self.pool.take_turns(choice.decision.turns)
            choice = self._decide(wanted)
        if choice.decision.no_eligible:
            raise self.terms.refuse(self.pool, choice.decision)
        return choice

    def _decide(self, wanted: RouteRequest) -> Choice:
        return decide(self.pool, wanted, profile=self.terms.profile, force=self.terms.force)

    def _with_pictures(self, request: ChatRequest, choice: Choice) -> ChatRequest:
        if not any(message.images for message in request.messages):
            return request
        from llmpool.chat import images

        return images.fetched(self.pool, request, choice.plan, choice.decision)

    def _manners(self, question: questions.Question) -> Manners:
        complains = None
        if question.schema is not None:
            from llmpool.chat.fitting import complaint

            complains = partial(complaint, question.schema)
        return Manners(shows=False, max_wait=self.terms.max_wait, tag=question.tag, complains=complains)

    def _run(self, request: ChatRequest, choice: Choice, manners: Manners) -> Journey:
        for event in chat(self.pool, request, choice, manners, self._pace, client=self._shared.client):
            if isinstance(event, Done):
                return event.journey
            self._hear(event if isinstance(event, Notice) else None)
        raise Stopped  # never: whoever has not answered has raised

    def _until(self, error: Busy, entry: Entry, rounds: int) -> float:
        """Return the seconds until somebody is free, as far as that is worth waiting for."""
        told = error.details.get("retry_at")
        left = epoch(told) - self.pool.clock() if told else None
        if left is not None and left <= self.terms.max_wait and rounds < ROUNDS:
            self._hear(Notice(f"{error.message}; waiting {max(1.0, left):.0f} s"))
            return max(1.0, left)
        if entry.chooses:
            raise error
        raise Stopped(error) from None

    def _affordable(self, error: Refused, entry: Entry, waited: float) -> float:
        """Return how long to wait where budgets only have to be given back what others reserved.

        Raises the error where it is this line's: what it may cost fits in no budget, or it was no budget.
        """
        stands, least = error.details.get("budgets"), Decimal(error.details.get("costs_at_least") or 0)
        if not stands or all(least > Decimal(each["limit"]) for each in stands):
            raise error
        roomy = [each for each in stands if least <= Decimal(each["limit"]) - Decimal(each["spent"])]
        given_back = len(roomy) == len(stands)  # meanwhile: none of them stands in the way any more
        if waited <= LEASES_END and (given_back or any(Decimal(each["reserved"]) for each in roomy)):
            self._hear(Notice(f"{error.message}; waiting for what others have reserved"))
            return LOOK if waited < 10 else LOOKS_LESS
        if entry.chooses:
            raise error
        raise Stopped(error) from None

    def _sleep(self, seconds: float) -> None:
        """Wait, but for no longer than the batch goes on."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stop.wait(min(left, 60.0)):
                raise KeyboardInterrupt  # as it is recorded where an answer was under way


def beside(pool: Pool) -> Pool:
    """Open a pool for a thread: the same world, the same registry, and all else its own."""
    other = _opened(pool)
    other.__dict__ |= {"routing": pool.routing, "table": pool.table}
    return other


def _opened(pool: Pool) -> Pool:
    return Pool(pool.paths, pool.env, pool.clock, offline=pool.offline)


def _stamp(pool: Pool) -> list[list[object]]:
    return compiled.stamps(pool.paths.config, pool.paths.state)


def _was_sent(error: Busy) -> bool:
    """Say whether a server was asked; what waits for a limit of its owner's may do so again."""
    return any(attempt.get("status") for attempt in error.details.get("attempts", ()))
