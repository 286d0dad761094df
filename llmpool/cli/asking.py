"""One question, from options to answer: request, decision, stream, and the line that ends it."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from llmpool.chat import question as questions
from llmpool.chat import session
from llmpool.chat.journey import Done, Event, Journey, Notice, Seam, document, tool_calls
from llmpool.chat.manners import Manners
from llmpool.chat.run import chat
from llmpool.cli import requests
from llmpool.cli.answer_view import fitted, footer, foreign, one_document, speed
from llmpool.cli.screen import Screen
from llmpool.core.chat import Delta, Message
from llmpool.core.record import Record
from llmpool.core.routing import BUDGET, RouteRequest
from llmpool.decide import decide
from llmpool.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmpool.chat.question import Question
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions
    from llmpool.core.routing import Decision
    from llmpool.router.route import Choice


class How(Record):
    """How an answer is to come: *extract* only its first code block, *raw* as the model wrote it."""

    on_break: str = "stop"
    max_wait: float = 20.0
    no_log: bool = False
    extract: bool = False
    raw: bool = False


class Asking:
    """A question under way; making one decides, nothing is sent before an answer is asked for."""

    def __init__(
        self, terminal: Terminal, question: Question, routing: RoutingOptions, how: How | None = None
    ) -> None:
        self.terminal = terminal
        self.question = question
        self.how = how or How()
        talk = questions.conversation(terminal.pool, question)
        self.new = questions.new_turns(question)
        wanted = requests.route_request(routing, question.judged, "", terminal)
        self.request, self._wanted = questions.both(terminal.pool, question, talk, self.new, wanted)
        self._routing = routing
        self.choice = self._decide()
        self._note(self.choice.decision)
        if self.choice.decision.no_eligible:
            from llmpool.cli import refusal

            raise refusal.nothing_eligible(terminal.pool, self.choice.decision)

    def _decide(self) -> Choice:
        pool, routing = self.terminal.pool, self._routing
        return decide(
            pool, self._wanted, profile=routing.profile, force=routing.force, heal=self._look_around
        )

    def _note(self, decision: Decision) -> None:
        """Say what the decision remarks; quiet does not silence who answers (ruling 20)."""
        notes = list(decision.notes)
        if decision.once:
            self.terminal.warn(notes.pop())
        elif decision.held:
            notes.pop()  # who waits in line says so
        for note in [note for note in notes if note.startswith(BUDGET)]:
            self.terminal.warn(note)
            notes.remove(note)
        for note in notes if self._are_told() else ():
            if decision.loosely:
                self.terminal.warn(note)
            else:
                self.terminal.say(f"note: {note}")

    def _are_told(self) -> bool:
        """Say whether remarks on the decision are wanted: where what was asked for made them."""
        asked = self._routing
        return bool(asked.needs or asked.model or asked.hint or asked.context_size or self._wanted.warm)

    def _take_turns(self) -> None:
        """Decide once more with turns that are this run's alone, where the strategy goes by turns."""
        if self.choice.decision.turns:
            self.terminal.pool.take_turns(self.choice.decision.turns)
            self.choice = self._decide()

    def _look_around(self, wanted: RouteRequest) -> bool:
        """Ask providers what they have, where too little is known of them to decide."""
        from llmpool.discovery.heal import heal

        return heal(self.terminal.pool, wanted, self.terminal.say)

    def preview(self, as_json: bool) -> int:
        """Show what would be done, up to the first call (ruling 22)."""
        from llmpool.cli import preview

        return preview.show(self.terminal, self.choice, self.request, as_json=as_json)

    def answer(self, *, stats: bool) -> int:
        """Print the answer as it comes, then who gave it and what it cost."""
        self._take_turns()
        self._fetch_pictures()
        verbatim = self.how.extract or self.question.schema is not None
        shows = self.question.stream and not verbatim
        screen = Screen(self.terminal, raw=self.how.raw, verbatim=verbatim)
        manners = self._manners(shows=shows)
        if shows and self.terminal.for_people:
            manners = manners.replace(meanwhile=screen.prepare)
        try:
            for event in chat(self.terminal.pool, self.request, self.choice, manners):
                self._show(event, screen, manners, stats=stats)
        except KeyboardInterrupt:
            screen.broken()
            raise
        return Exit.OK

    def _show(self, event: Event, screen: Screen, manners: Manners, *, stats: bool) -> None:
        """Show what happens to the answer, as it happens."""
        if isinstance(event, Delta):  # nearly all of them
            if event.thinking and manners.shows_thinking:
                screen.think(event.thinking)
            if event.text and manners.shows:
                screen.show(event.text)
        elif isinstance(event, Notice):
            screen.seam()
            (self.terminal.warn if event.warning else self.terminal.say)(event.text)
        elif isinstance(event, Seam):
            screen.broken()
        elif isinstance(event, Done):
            if not manners.shows:
                screen.show(self._whole(event.journey))
            screen.seam()
            self._finish(event.journey, stats=stats)

    def _whole(self, journey: Journey) -> str:
        """Return what is shown of an answer that is shown when it is whole."""
        if self.question.schema is None and not self.how.extract:
            return journey.answer
        from llmpool.chat import extract

        if self.question.schema is not None:
            return extract.unfenced(journey.answer)
        if not extract.has_block(journey.answer):
            self.terminal.say("note: there is no code block in the answer; this is all of it")
        return extract.first_block(journey.answer)

    def _fetch_pictures(self) -> None:
        """Fetch pictures at addresses, once, for this answer and for the conversation that is kept."""
        if any(message.images for message in self.request.messages):
            from llmpool.chat import images

            self.request = images.fetched(
                self.terminal.pool, self.request, self.choice.plan, self.choice.decision
            )
            self.new = self.request.messages[-len(self.new) :]

    def _manners(self, *, shows: bool) -> Manners:
        how, terminal = self.how, self.terminal
        told = terminal.is_terminal and terminal.err_is_terminal and not terminal.options.quiet
        return Manners(
            shows=shows,
            shows_thinking=shows and told and self.question.thinking not in (None, "off"),
            on_break=how.on_break,
            max_wait=how.max_wait,
            tag=self.question.tag,
            session=self.question.session,
            keep=self._keep,
            complains=self._complains(),
        )

    def _complains(self) -> Callable[[str], str] | None:
        """Return what says why an answer is not what was asked for, where a schema tells."""
        if self.question.schema is None:
            return None
        from llmpool.chat.fitting import complaint

        return partial(complaint, self.question.schema)

    def answer_json(self) -> int:
        """Print one document when the answer is whole; a failure on the way goes on to the next candidate."""
        self._take_turns()
        self._fetch_pictures()
        for event in chat(self.terminal.pool, self.request, self.choice, self._manners(shows=False)):
            if isinstance(event, Notice):
                (self.terminal.warn if event.warning else self.terminal.say)(event.text)
            elif isinstance(event, Done):
                one_document(self.terminal, document(event.journey) | {"text": self._whole(event.journey)})
                self._who_answered(event.journey)
        return Exit.OK

    def _finish(self, journey: Journey, *, stats: bool) -> None:
        for call in tool_calls(journey):
            self.terminal.out(json.dumps(call))
        if journey.finish == "length":
            self.terminal.say("note: cut off by the token limit; more: --max-tokens N")
        self._who_answered(journey)
        if self.terminal.err_is_terminal or stats:
            self.terminal.say(fitted(self.terminal, footer(journey)), dim=True)
        if stats:
            told = filter(None, (speed(journey), journey.decision.reasoning, journey.summary()))
            for line in told:
                self.terminal.say(line, dim=True)

    def _who_answered(self, journey: Journey) -> None:
        """Say who answered when it is not who was asked for; quiet does not silence it (ruling 20)."""
        if journey.instead:
            self.terminal.warn(journey.instead)
        model = journey.deployment.partition("/")[2]
        if foreign(model, journey.served_model):
            self.terminal.warn(f"asked for {model}, the server says {journey.served_model} answered")
        if self.terminal.pool.routing["budgets"] and journey.cost:
            self._what_is_left(journey)

    def _what_is_left(self, journey: Journey) -> None:
        """Say how the budgets stand that are nearly spent; quiet does not silence that one is exceeded."""
        from llmpool.setup import budgets

        pool = self.terminal.pool
        for each in budgets.nearly_spent(pool, journey.deployment, journey.key, journey.tag):
            (self.terminal.warn if each.spent > each.limit else self.terminal.say)(budgets.told(pool, each))

    def _keep(self, journey: Journey) -> None:
        """Keep the exchange: on a terminal as `last`, anywhere under the name that was given."""
        watched = self.terminal.is_terminal and self.terminal.in_is_terminal
        name = self.question.session or ("last" if watched else "")
        if self.how.no_log or not name:
            return
        text = "\n".join(filter(None, [journey.answer, *map(json.dumps, tool_calls(journey))]))
        exchange = (*self.new, Message(role="assistant", text=text, carry=tuple(journey.carry)))
        pool = self.terminal.pool
        session.keep(
            pool.paths.state,
            name,
            exchange,
            journey.deployment,
            pool.clock(),
            anew=not self.question.session,
            partial=not journey.success,
        )
