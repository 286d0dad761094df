"""One question, from options to answer: request, decision, stream, and the line that ends it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from llmpool.chat import session, sizes
from llmpool.chat.journey import Done, Journey, Notice, Seam
from llmpool.chat.manners import Manners
from llmpool.chat.run import chat
from llmpool.cli import requests
from llmpool.cli.answer_view import document, footer, foreign, is_json, tool_calls
from llmpool.cli.output import count
from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.record import Record
from llmpool.core.routing import BUDGET, RouteRequest
from llmpool.core.text import clean, few
from llmpool.decide import decide
from llmpool.errors import Exit, Misuse
from llmpool.router.eligible import DEFAULT_MAX_TOKENS
from llmpool.router.explain import decision_json

if TYPE_CHECKING:
    from llmpool.chat.attached import Attached
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions
    from llmpool.core.routing import Decision
    from llmpool.router.route import Choice


class Asked(Record):
    """What the command line asks for, checked but not yet decided."""

    prompt: str
    piped: str
    system: str
    session: str
    go_on: bool
    max_tokens: int | None
    temperature: float | None
    think: str | None
    stream: bool
    on_break: str
    max_wait: float
    tag: str
    no_log: bool
    attached: Attached | None = None
    schema: dict[str, Any] | None = None
    tools: tuple[dict[str, Any], ...] = ()


class Asking:
    """A question under way; making one decides, nothing is sent before an answer is asked for."""

    def __init__(self, terminal: Terminal, asked: Asked, routing: RoutingOptions) -> None:
        self.terminal = terminal
        self.asked = asked
        state = terminal.pool.paths.state
        going = self._continues(state)
        talk = session.conversation(state, asked.session) if going else session.Conversation()
        self.new = self._new_turns()
        self.request = ChatRequest(
            messages=(*talk.messages, *self.new),
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            stream=asked.stream,
            thinking=asked.think,
            schema=asked.schema,
            tools=asked.tools,
            cache=bool(asked.session),
        )
        wanted = requests.route_request(routing, asked.prompt or asked.piped, "", terminal)
        wanted = wanted.replace(
            max_tokens=asked.max_tokens,
            context_size=wanted.context_size if wanted.stated else sizes.needed(self.request),
            continues=talk.deployment,
            warm=session.is_warm(terminal.pool, talk),
            tag=asked.tag,
        )
        wanted = self._with_needs(wanted)
        if wanted.max_cost is not None and asked.max_tokens is None:
            self.request = self.request.replace(max_tokens=DEFAULT_MAX_TOKENS)  # what was promised is sent
        self._wanted, self._routing = wanted, routing
        self._thinks = False  # whether a thought has been shown, and its line is still open
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

    def _continues(self, state: Any) -> bool:
        """Say whether there is a conversation to go on with; `--session` begins one that is not there."""
        from llmpool.state import sessions

        return bool(self.asked.session) and (self.asked.go_on or sessions.exists(state, self.asked.session))

    def _look_around(self, wanted: RouteRequest) -> bool:
        """Ask providers what they have, where too little is known of them to decide."""
        from llmpool.discovery.heal import heal

        return heal(self.terminal.pool, wanted, self.terminal.say)

    def _new_turns(self) -> tuple[Message, ...]:
        text = "\n\n".join(part for part in (self.asked.prompt, self.asked.piped) if part.strip())
        images: tuple[Image, ...] = ()
        if self.asked.attached is not None:
            text, images = self.asked.attached.around(text), self.asked.attached.images
        if not text and not images:
            raise Misuse("nothing to ask: the prompt is empty", hint='llmpool chat "Why is the sky blue?"')
        system = (Message(role="system", text=self.asked.system),) if self.asked.system else ()
        return (*system, Message(role="user", text=text, images=images))

    def _with_needs(self, wanted: RouteRequest) -> RouteRequest:
        """Require what the request cannot do without: eyes for pictures, tools, JSON for a schema."""
        images = any(message.images for message in self.request.messages)
        needs = {"images": images, "tools": self.asked.tools, "json": self.asked.schema is not None}
        found = (name for name, needed in needs.items() if needed)
        return wanted.replace(
            needs=tuple(dict.fromkeys((*wanted.needs, *found))),
            tool_count=wanted.tool_count or len(self.asked.tools),
        )

    def preview(self, as_json: bool) -> int:
        """Show what would be done, up to the first call (ruling 22)."""
        decision = self.choice.decision
        if as_json:
            self.terminal.json(
                {"dry_run": True, "plan": list(self.choice.plan), "decision": decision_json(decision)}
            )
            return Exit.OK
        self.terminal.out(f"would ask {few(self.choice.plan, 4, '   then ')}")
        longest = self.asked.max_tokens or self._allowance()
        self.terminal.out(
            f"  about {count(decision.context_size)} tokens in, {longest} out; {decision.reasoning}"
        )
        for each in decision.rejections:
            if each.reasons[0].startswith(BUDGET):
                self.terminal.out(f"  not {each.deployment}: {each.reasons[0]}")
        return Exit.OK

    def _allowance(self) -> str:
        """Say how long an answer may be whose caller does not say: under a budget what costs has a limit."""
        pool, selected = self.terminal.pool, self.choice.decision.selected
        if not pool.routing["budgets"]:
            return "no limit"
        from llmpool.router.caps import is_free

        free = any(row.id == selected and is_free(row) for row in pool.table.rows)
        return "no limit" if free else f"at most {DEFAULT_MAX_TOKENS}"

    def answer(self, *, stats: bool) -> int:
        """Print the answer as it comes, then who gave it and what it cost."""
        self._take_turns()
        self._fetch_pictures()
        shows = self.asked.stream and self.asked.schema is None
        manners = self._manners(shows=shows)
        last = ""
        for event in chat(self.terminal.pool, self.request, self.choice, manners):
            if isinstance(event, Notice):
                self._seam(last)
                (self.terminal.warn if event.warning else self.terminal.say)(event.text)
                last = ""
            elif isinstance(event, Seam):
                last = self._break(last)
            elif isinstance(event, Done):
                if not shows:
                    self._show(event.journey.answer)
                self._finish(event.journey, last if shows else event.journey.answer, stats=stats)
            elif event.text and shows:
                self._show(event.text)
                last = event.text
            elif event.thinking and manners.shows_thinking:
                self._think(event.thinking)
        return Exit.OK

    def _fetch_pictures(self) -> None:
        """Fetch pictures at addresses, once, for this answer and for the conversation that is kept."""
        if any(message.images for message in self.request.messages):
            from llmpool.chat import images

            self.request = images.fetched(
                self.terminal.pool, self.request, self.choice.plan, self.choice.decision
            )
            self.new = self.request.messages[-len(self.new) :]

    def _manners(self, *, shows: bool) -> Manners:
        asked, told = self.asked, self.terminal.err_is_terminal and not self.terminal.options.quiet
        return Manners(
            shows=shows,
            shows_thinking=shows and told and asked.think not in (None, "off"),
            on_break=asked.on_break,
            max_wait=asked.max_wait,
            tag=asked.tag,
            session=asked.session,
            keep=self._keep,
        )

    def _show(self, text: str) -> None:
        self._end_thought()
        sys.stdout.write(clean(text))
        sys.stdout.flush()

    def _seam(self, last: str) -> None:
        """End a line that was broken off, so that what follows is seen to be something else."""
        if last and not last.endswith("\n"):
            self._show("\n")

    def _break(self, last: str) -> str:
        """End the line of an answer that ends in the middle, for whoever looks at it; a file gets no more."""
        if self.terminal.is_terminal:
            self._seam(last)
        self._end_thought()
        return "" if self.terminal.is_terminal else last

    def _think(self, text: str) -> None:
        self._thinks = True
        self.terminal.err.write(f"\x1b[2m{clean(text)}\x1b[0m" if self.terminal.use_color else clean(text))
        self.terminal.err.flush()

    def _end_thought(self) -> None:
        """End the line of what the model thought, so that what it says is seen to be something else."""
        if self._thinks:
            self._thinks = False
            self.terminal.end_line()

    def answer_json(self) -> int:
        """Print one document when the answer is whole; a failure on the way goes on to the next candidate."""
        self._take_turns()
        self._fetch_pictures()
        for event in chat(self.terminal.pool, self.request, self.choice, self._manners(shows=False)):
            if isinstance(event, Notice):
                (self.terminal.warn if event.warning else self.terminal.say)(event.text)
            elif isinstance(event, Done):
                self.terminal.json(document(event.journey))
                self._who_answered(event.journey)
        return Exit.OK

    def _finish(self, journey: Journey, last: str, *, stats: bool) -> None:
        self._seam(last)
        for call in tool_calls(journey):
            self.terminal.out(json.dumps(call))
        if self.asked.schema is not None and not is_json(journey.answer):
            self.terminal.warn("the answer is no JSON, though a schema was asked for")
        if journey.finish == "length":
            self.terminal.say("note: cut off by the token limit; more: --max-tokens N")
        self._who_answered(journey)
        if self.terminal.err_is_terminal or stats:
            self.terminal.say(footer(journey), dim=True)
        if stats:
            self.terminal.say(journey.decision.reasoning, dim=True)
            self.terminal.say(journey.summary(), dim=True)

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
        for each in budgets.near(pool, journey.deployment, journey.key, journey.tag):
            (self.terminal.warn if each.spent > each.limit else self.terminal.say)(budgets.told(pool, each))

    def _keep(self, journey: Journey) -> None:
        """Keep the exchange: on a terminal as `last`, anywhere under the name that was given."""
        asked = self.asked
        name = asked.session or ("last" if self.terminal.is_terminal and self.terminal.in_is_terminal else "")
        if asked.no_log or not name:
            return
        text = journey.answer or "\n".join(json.dumps(call) for call in tool_calls(journey))
        exchange = (*self.new, Message(role="assistant", text=text, carry=tuple(journey.carry)))
        pool = self.terminal.pool
        session.keep(
            pool.paths.state,
            name,
            exchange,
            journey.deployment,
            pool.clock(),
            anew=not asked.session,
            partial=not journey.success,
        )
