"""A file of prompts, answered side by side: taken line by line, kept as they come, in order at the end.

Threads take lines from the input themselves, so that no more of it is in memory than is under way; what they
bring goes to the one thread that keeps it, which syncs all that came meanwhile at once. An answer is told
of only when it is kept. What makes asking on useless stops the run: a budget that is spent, limits that hold
for longer than is waited, providers that have failed twenty-five lines in a row, a disk that takes no more
records.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Protocol

from llmpool.chat.batch_ask import Asker, Shared, Stopped, Terms
from llmpool.chat.batch_lines import Entry, Reader
from llmpool.chat.batch_stop import Signals
from llmpool.chat.journey import Notice
from llmpool.errors import ConfigInvalid, Exit, LlmpoolError, Misuse, StateUnusable
from llmpool.pool import Pool

TICK = 0.1  # seconds between two looks at signals and progress
GRACE = 8.0  # seconds that an interrupted run waits for answers under way
LEAVING = 1.0  # seconds that threads whose calls were broken off have to record them
IN_A_ROW = 25  # lines that fail by what is no fault of theirs, after which no more are tried
MOST_OWED = 50  # records that wait to be written; what is used beyond them is not begun
REJECTIONS = 10  # that a failed line tells; a pool of thousands would fill the disk with them
MOST_TOLD = 20  # warnings that are told; the thousandth says no more than the first
_OUTAGE = ("auth", "connect", "timeout", "overloaded", "rate_limit", "server", "quota")


class Sheet(Protocol):
    """Where answers go: lines are asked for in the order of the input, and kept in any."""

    def known(self, entry: Entry) -> bool:
        """Say whether a line is answered already; it is expected from now on if not."""

    def keep(self, documents: list[dict[str, Any]]) -> None:
        """Keep lines, for good."""

    def has_room(self) -> bool:
        """Say whether another line may be taken."""


class Result(NamedTuple):
    """What came of a line: a *document* to keep, unless it is to be asked another time.

    *error* is what failed, or with *stops* why no more are asked; *noticed* are the pool's warnings.
    """

    entry: Entry
    document: dict[str, Any] | None = None
    error: LlmpoolError | None = None
    stops: bool = False
    instead: str = ""
    cost: Decimal | None = None
    noticed: tuple[str, ...] = ()


class Tally:
    """How far a batch is; *waiting* says of each thread that waits what for."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.known = 0  # lines that were answered by an earlier run
        self.answered = 0
        self.failed: list[int] = []
        self.codes: Counter[int] = Counter()
        self.cost = Decimal(0)
        self.unpriced = 0
        self.cut = 0  # answers that the token limit has cut off
        self.instead: Counter[str] = Counter()
        self.warnings: dict[str, None] = {}
        self.waiting: dict[int, str] = {}
        self.why: LlmpoolError | None = None  # why no more are asked
        self.code = Exit.OK  # of the signal that ended it
        self.open = 0  # lines that were taken and not answered

    @property
    def done(self) -> int:
        """The lines that are done with."""
        return self.known + self.answered + len(self.failed)

    @property
    def seconds(self) -> float:
        """The seconds since it began."""
        return time.monotonic() - self.began

    def take(self, result: Result) -> None:
        """Count what came of a line."""
        if result.document is None:
            self.open += 1
        elif result.error is not None:
            self.failed.append(result.entry.number)
            self.codes[int(result.error.exit_code)] += 1
        else:
            self.answered += 1
            self.cost += result.cost or 0
            self.unpriced += result.cost is None
            self.cut += result.document.get("finish") == "length"
        if result.instead:
            self.instead[result.instead] += 1

    def notice(self, texts: tuple[str, ...]) -> None:
        """Remember warnings, each once."""
        for text in texts:
            if len(self.warnings) < MOST_TOLD:
                self.warnings[text] = None

    def exit_code(self) -> int:
        """Return the code that the run ends with; where all have failed, the one they share."""
        if self.code or self.why is not None:
            return self.code or int(self.why.exit_code if self.why else 0)
        if not self.failed:
            return Exit.OK
        if self.answered or self.known:
            return Exit.PARTLY
        return next(iter(self.codes)) if len(self.codes) == 1 else Exit.FAILED


class Batch:
    """The run: *lines* of the input, read by *reader*, answered under *terms* and kept on *sheet*."""

    def __init__(
        self, pool: Pool, terms: Terms, lines: Iterator[tuple[int, bytes]], reader: Reader, sheet: Sheet
    ) -> None:
        self.pool = pool
        self.terms = terms
        self.tally = Tally()
        self.sheet = sheet
        self._lines = lines
        self._reader = reader
        self._stop = Event()
        self._turn = Lock()  # whose turn it is to take a line
        self._results: SimpleQueue[Result | BaseException | None] = SimpleQueue()
        self._row = 0  # lines that failed in a row
        self._read_all = False  # whether the input has no more lines
        self._fault: BaseException | None = None
        self._shared = Shared(pool)
        self._cut = False  # whether calls under way were broken off
        self._threads: list[Thread] = []

    def run(self, jobs: int, signals: Signals, tick: Callable[[], None]) -> Tally:
        """Answer all lines, *jobs* at a time, and return how it went; raises what ended it by itself."""
        _ = self.pool.routing, self.pool.table, self.pool.cost_lines  # read here, once for all threads
        try:
            self._answer(jobs, signals, tick)
        finally:
            self._stop.set()  # whatever ended it: no thread takes another line
            self._shared.client.close()
            self._see_off(0.0 if self._cut else LEAVING)
            self._notice(self._shared.lessons.close())
        if self._fault is not None:
            raise self._fault
        return self.tally

    def _answer(self, jobs: int, signals: Signals, tick: Callable[[], None]) -> None:
        left, ends = jobs, float("inf")
        for number in range(jobs):
            self._threads.append(Thread(target=self._work, args=(number,), daemon=True))
            self._threads[-1].start()
        while left and time.monotonic() < ends and signals.times < 2:
            left -= self._take_in(TICK)
            if signals.times and not self.tally.code:
                self._end()
                self.tally.code = signals.code
            if (signals.times or self._fault) and ends == float("inf"):
                ends = time.monotonic() + GRACE
            self._notice(self._shared.lessons.write_when_due())
            tick()
        self._cut = True
        self._shared.client.close()  # what is still under way ends, and is recorded as what it was
        ends = time.monotonic() + LEAVING
        while left and time.monotonic() < ends:
            left -= self._take_in(TICK)
        left -= self._take_in(0.0)
        if self._read_all and not (left or self.tally.open):
            self.tally.code, self.tally.why = Exit.OK, None  # it came too late to end anything

    def _see_off(self, seconds: float) -> None:
        """Let the threads record what they were at, whatever has ended the run."""
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _notice(self, wrong: list[str]) -> None:
        """Notice what could not be recorded."""
        self.tally.notice(tuple(f"not recorded: {each}" for each in wrong))

    def _end(self, why: LlmpoolError | None = None) -> None:
        """Take no more lines; whoever waits stops waiting, what was sent may be answered still."""
        self.tally.why = self.tally.why or why
        self._stop.set()

    def _take_in(self, seconds: float) -> int:
        """Keep what has come, waiting a little for the first, and return how many threads have ended."""
        results, ended = [], 0
        for each in self._arrived(seconds):
            if each is None:
                ended += 1
            elif isinstance(each, BaseException):
                self._fault = self._fault or each
                self._stop.set()
            else:
                results.append(each)
        documents = [result.document for result in results if result.document is not None]
        if documents:
            self.sheet.keep(documents)
        for result in results:
            self._count(result)
        return ended

    def _arrived(self, seconds: float) -> Iterator[Result | BaseException | None]:
        with suppress(Empty):
            yield self._results.get(timeout=seconds) if seconds else self._results.get_nowait()
            while True:
                yield self._results.get_nowait()

    def _count(self, result: Result) -> None:
        self.tally.take(result)
        self.tally.notice(result.noticed)
        if result.stops:
            self._end(result.error)
        if result.document is not None:
            self._row = self._row + 1 if result.error and _is_outage(result.error) else 0
        if self._row >= IN_A_ROW:
            self._end(result.error)
        if len(self._shared.owed) >= MOST_OWED and (left := self._shared.owed.settled()):
            words = f"records cannot be written, so no more is asked: {left.reasons[0]}"
            self._end(StateUnusable(words, hint=left.hint))

    def _work(self, thread: int) -> None:
        def hear(notice: Notice | None) -> None:
            if notice is None:
                self.tally.waiting.pop(thread, None)
            else:
                self.tally.waiting[thread] = notice.text
                if notice.warning:
                    asker.pool.warnings.append(notice.text)

        try:
            asker = Asker(self.pool, self.terms, self._stop, hear, self._shared)
            while (entry := self._next()) is not None:
                result = self._settled(asker, entry)
                hear(None)
                self._results.put(result)
        except BaseException as error:  # noqa: BLE001 - the run raises it
            self._results.put(error)
        finally:
            self._results.put(None)

    def _next(self) -> Entry | None:
        """Take the next line that nobody has answered; None when there is none, or no more are wanted."""
        with self._turn:
            while not self.sheet.has_room():
                if self._stop.wait(TICK):
                    return None
            while not self._stop.is_set():
                found = next(self._lines, None)
                if found is None:
                    self._read_all = True
                    return None
                entry = self._reader.entry(*found)
                if not self.sheet.known(entry):
                    return entry
                self.tally.known += 1
        return None

    def _settled(self, asker: Asker, entry: Entry) -> Result:
        """Return what became of a line; raises what is wrong with more than this one."""
        if entry.fault is not None:
            return self._failed(entry, entry.fault, asker)
        try:
            answer = asker.ask(entry)
        except KeyboardInterrupt:
            return Result(entry, noticed=_noticed(asker))
        except Stopped as stopped:
            return Result(entry, error=stopped.error, stops=True, noticed=_noticed(asker))
        except (StateUnusable, ConfigInvalid):
            raise
        except LlmpoolError as error:
            return Result(entry) if self._cut else self._failed(entry, error, asker)
        except Exception as bug:  # noqa: BLE001 - one line meets it, and thousands need not suffer
            message = f"llmpool has a bug: {type(bug).__name__}"
            return self._failed(entry, LlmpoolError(message, hint="report it with this prompt"), asker)
        document = entry.head() | answer.document
        return Result(entry, document, None, False, answer.instead, answer.cost, _noticed(asker))

    def _failed(self, entry: Entry, error: LlmpoolError, asker: Asker) -> Result:
        told = error.as_json()["error"]
        if any(attempt.get("kind") == "auth" for attempt in error.details.get("attempts") or ()):
            self._shared.forget()
        if len(told.get("rejections") or ()) > REJECTIONS:
            told |= {
                "rejections": told["rejections"][:REJECTIONS],
                "rejections_total": len(told["rejections"]),
            }
        return Result(entry, entry.head() | {"error": told}, error, noticed=_noticed(asker))


def _noticed(asker: Asker) -> tuple[str, ...]:
    texts = tuple(asker.pool.warnings)
    asker.pool.warnings.clear()
    return texts


def _is_outage(error: LlmpoolError) -> bool:
    """Say whether a line failed by what would fail any other as well."""
    if isinstance(error, Misuse):
        return False
    attempts = error.details.get("attempts") or ()
    return bool(attempts) and all(attempt.get("kind") in _OUTAGE for attempt in attempts)
