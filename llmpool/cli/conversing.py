"""A conversation under way: what holds for the next question, and how one is asked, stopped, asked again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from llmpool.chat import session, talks
from llmpool.chat.attached import Attached
from llmpool.chat.record import twice
from llmpool.cli.answer_view import fitted, footer
from llmpool.cli.asking import Asking
from llmpool.cli.output import plural
from llmpool.core.chat import Image
from llmpool.core.text import beginning
from llmpool.core.times import rfc3339_ms
from llmpool.decide import nothing_configured
from llmpool.errors import Busy, Misuse, StateUnusable
from llmpool.state import history, sessions

if TYPE_CHECKING:
    from llmpool.chat.journey import Journey
    from llmpool.chat.question import Question
    from llmpool.cli.asking import How
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions
    from llmpool.state.sessions import Turn

_AGAIN = 0.5  # seconds in which Ctrl-C is the one that was heard already


class File(NamedTuple):
    """Something to go along with the next question, and what it was called."""

    name: str
    held: Attached


class Conversing:
    """One conversation at a terminal; leaving its `with` ends it and says where it is kept."""

    def __init__(
        self, terminal: Terminal, question: Question, routing: RoutingOptions, how: How, *, stats: bool
    ) -> None:
        self.terminal, self.routing, self.stats = terminal, routing, stats
        if not terminal.pool.table.providers:
            raise nothing_configured(terminal.pool)
        self.kept = not how.no_log
        self.how = how.replace(no_log=False)  # a session that is held in memory keeps it from the disk
        self.talk = self._opened(question)
        self.question = question.replace(
            prompt="", query="", system="", session=self.talk.name, goes_on=False, attached=None
        )
        self.system = question.system  # what the next question brings along, unless it was said already
        self.files = [File("what -a named", question.attached)] if question.attached else []
        self.names = [self.talk.name]  # under which it was paid for
        self.since = self._beginning()
        self.decision = ""  # the last one
        self.served = ""  # who answered last
        self._stopped_at = -_AGAIN  # when Ctrl-C was heard last
        self._came = False  # whether something came of the last question
        self._asked: Question | None = None  # the last question, as long as /retry may want it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    @property
    def state(self) -> Path:
        """Where the state is."""
        return self.terminal.pool.paths.state

    @property
    def prompt(self) -> str:
        """What stands in front of what is typed: who was chosen to answer, and what goes along."""
        along = f"{len(self.files)} attached" if self.files else ""
        return " ".join(filter(None, [self.routing.model, along and f"[{along}]", "> "])).replace(" > ", "> ")

    def greet(self) -> None:
        """Say what is gone on with, and how to find the way."""
        if self.talk.refused:
            self.terminal.warn(f"this conversation cannot be kept: {self.talk.refused}")
        if self.talk.goes_on:
            turns = self.turns()
            last = next((turn["text"] for turn in reversed(turns) if turn["role"] == "user"), "")
            name = self.talk.name
            self.terminal.say(
                f"{name} goes on after {plural(len(turns), 'turn')}: {beginning(last)}", dim=True
            )
        self.terminal.say("/help lists the commands; Ctrl-D leaves", dim=True)

    def remember(self, typed: str) -> None:
        """Keep what was typed for the arrow keys; that it cannot be kept is no reason not to do it."""
        if not self.kept or self.talk.refused:
            return
        try:
            history.add(self.state, typed, self.talk.name)
        except (StateUnusable, Busy) as error:
            self.terminal.pool.warnings.append(f"the history is not kept: {error.message}")

    def ask(self, text: str) -> None:
        """Ask, and print the answer; what is attached goes along, and comes back if nothing came of it."""
        self._asked = self.question.replace(prompt=text, attached=_together(self.files))
        if self._answered(self._asked, self.routing):
            self.files = []

    def again(self, routing: RoutingOptions) -> None:
        """Ask the last question again, in the place of its answer; without a new one the old stays."""
        if self._asked is not None and not self._came:
            with self._stopping_once():
                self._again([], routing)
            return
        with self._stopping_once(), talks.once_more(self.state, self.talk.name) as turns:
            self._again(turns, routing)

    def _again(self, turns: list[Turn], routing: RoutingOptions) -> None:
        waiting, self._came = self.system, False
        try:
            question = self._asked or _question(self.question, turns)
            if question is None:
                raise Misuse("there is no question to ask again")
            self.system = waiting or talks.system_of(turns)
            self._answered(question, routing)
        finally:
            if turns and not self._came:
                self.system = waiting

    @property
    def holds(self) -> str:
        """What the system is told, by now or with the next question."""
        return self.system or talks.system_of(self.turns())

    def turns(self) -> list[Turn]:
        """Return what was said so far."""
        name = self.talk.name
        return sessions.read(self.state, name) if sessions.exists(self.state, name) else []

    def tell_system(self, text: str) -> None:
        """Let the system's words be *text* from the next question on; an empty one takes them back."""
        self.system = text
        if not text and self.holds:
            self._say_system("")

    def take_back(self) -> list[Turn]:
        """Take the last exchange back; what the system said with it goes along with the next question."""
        turns = sessions.take_back(self.state, self.talk.name)
        self.system = self.system or talks.system_of(turns)
        self._asked = None
        return turns

    def begin(self) -> None:
        """Begin another conversation, with the same words of the system."""
        system = self.holds
        self._change(talks.begin(self.state, self.terminal.pool.clock(), kept=self.kept))
        self.system = system

    def open(self, name: str) -> None:
        """Go on with another conversation that is kept; raises UnknownName without one of that name."""
        if name == self.talk.name:
            return
        sessions.read(self.state, name)
        self._change(talks.go_on(self.state, self.terminal.pool.clock(), name, kept=self.kept))
        self.system = ""

    def save(self, name: str) -> None:
        """Keep it under another name and go on there; what was typed in it goes along."""
        given = self.talk.given
        talk = talks.save(self.state, self.talk, name)
        if given:
            history.rename(self.state, self.talk.name, name)
        self.names.append(name)
        self.talk = talk
        self.question = self.question.replace(session=name)

    def _change(self, talk: talks.Talk) -> None:
        self.close()
        self.talk, self.names = talk, [talk.name]
        self.since = self._beginning()
        self._asked, self.decision, self.served = None, "", ""
        self.question = self.question.replace(session=talk.name)

    def _beginning(self) -> str:
        """Return when it began, empty where that was before: its name may have been another's."""
        return "" if self.talk.goes_on else rfc3339_ms(self.terminal.pool.clock())

    def close(self) -> None:
        """End the conversation, and say where it is kept."""
        name, said = self.talk.name, bool(self.turns())
        if self.kept and not self.talk.refused and sessions.is_held(name):
            missing = talks.let_go(self.state, name)
            self.terminal.pool.owe("the end of the conversation is not kept", missing)
        if talks.end(self.state, self.talk):
            self.terminal.say(f"kept as {name}; go on: llmpool chat -i --session {name}")
        elif said:
            self.terminal.say("nothing of it is kept")

    def _opened(self, question: Question) -> talks.Talk:
        state, now = self.state, self.terminal.pool.clock()
        if not question.session and not question.goes_on:
            return talks.begin(state, now, kept=self.kept)
        newest = question.goes_on and question.session == sessions.LAST
        return talks.go_on(state, now, "" if newest else question.session, kept=self.kept)

    def _answered(self, question: Question, routing: RoutingOptions) -> bool:
        """Ask one question of the pool as it is now; say whether something of an answer was kept."""
        self.terminal.pool.forget()  # others may have changed or learnt things since the last one
        self._came = False
        with self._stopping_once():
            turn = None
            try:
                turn = _Turn(self.terminal, self._with_system(question), routing, self.how)
                turn.answer(stats=self.stats)
            except KeyboardInterrupt:
                self._stopped(turn)
            finally:
                if turn is not None:
                    self._learn(turn)
        return self._came

    def _with_system(self, question: Question) -> Question:
        """Let the system's words come along with the first question, else as a turn of their own."""
        turns = self.turns() if self.system else []
        if not turns:
            return question.replace(system=self.system)
        if self.system != talks.system_of(turns):
            self._say_system(self.system)
        self.system = ""
        return question

    def _say_system(self, text: str) -> None:
        turn = {"at": rfc3339_ms(self.terminal.pool.clock()), "role": "system", "text": text}
        sessions.append(self.state, self.talk.name, [turn])

    def _learn(self, turn: _Turn) -> None:
        """Note what came of a question."""
        self.decision = turn.choice.decision.id
        if turn.kept is not None:
            self._came, self.system, self.served = True, "", turn.kept.deployment

    @contextmanager
    def _stopping_once(self) -> Iterator[None]:
        """Let Ctrl-C stop an answer, and a second one in its heat not stop the keeping of it as well."""
        before = signal.signal(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _stop(self, _signal: int, _frame: Any) -> None:
        now, before = time.monotonic(), self._stopped_at
        self._stopped_at = now
        if now - before >= _AGAIN:
            raise KeyboardInterrupt

    def _stopped(self, turn: _Turn | None) -> None:
        """Say what is left of an answer that its reader stopped; its last line is ended by now."""
        if turn is None or turn.kept is None:
            self.terminal.end_line()
            self.terminal.say("stopped before anything came; /retry asks again", dim=True)
        else:
            told = f"{footer(turn.kept)} · stopped; what is above is kept"
            self.terminal.say(fitted(self.terminal, told), dim=True)


class _Turn(Asking):
    """One question of a conversation; *kept* is the journey whose answer was kept, whole or not."""

    kept: Journey | None = None

    def _keep(self, journey: Journey) -> None:
        try:
            twice(lambda: super(_Turn, self)._keep(journey))
        except (StateUnusable, Busy) as error:  # whoever is asked next still has to know what was said
            talks.hold_on(self.terminal.pool.paths.state, self.question.session)
            super()._keep(journey)
            self.terminal.warn(f"from here on this conversation is in memory alone: {error.message}")
        self.kept = journey


def _together(files: list[File]) -> Attached | None:
    """Return everything that goes along as one."""
    if not files:
        return None
    images = tuple(image for file in files for image in file.held.images)
    return Attached(images, tuple(text for file in files for text in file.held.texts))


def _question(like: Question, turns: list[Turn]) -> Question | None:
    """Return the question that began an exchange, as far as that was kept."""
    asked: dict[str, Any] = next((turn for turn in turns if turn["role"] == "user"), {})
    if not asked:
        return None
    images = tuple(Image(url=url) for url in session.pictures(asked))
    return like.replace(prompt=asked["text"], attached=Attached(images) if images else None)
