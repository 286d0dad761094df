"""One question, from options to answer: request, decision, stream, and the line that ends it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from llmpool.chat import session
from llmpool.chat.journey import Done, Journey, Notice
from llmpool.chat.run import Manners, chat
from llmpool.cli import requests
from llmpool.cli.output import count, money, plural, seconds
from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.record import Record
from llmpool.core.routing import RouteRequest
from llmpool.core.text import clean
from llmpool.decide import decide
from llmpool.errors import Exit, Misuse
from llmpool.router.eligible import DEFAULT_MAX_TOKENS
from llmpool.router.explain import decision_json

TOKENS_OF_AN_IMAGE = 1000  # what vendors count for one of common size, for the estimate of a prompt

if TYPE_CHECKING:
    from llmpool.chat.attached import Attached
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions


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
        from llmpool.cli.route import nothing_eligible

        self.terminal = terminal
        self.asked = asked
        state = terminal.pool.paths.state
        before, deployment = session.messages(state, asked.session) if self._continues(state) else ((), "")
        self.new = self._new_turns()
        self.request = ChatRequest(
            messages=(*before, *self.new),
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            stream=asked.stream,
            thinking=asked.think,
            schema=asked.schema,
            tools=asked.tools,
            cache=bool(asked.session),
        )
        wanted = requests.route_request(routing, asked.prompt or asked.piped, self._weighed(), terminal)
        wanted = wanted.replace(max_tokens=asked.max_tokens, prefer=wanted.prefer or deployment)
        wanted = self._with_needs(wanted)
        if wanted.max_cost is not None and asked.max_tokens is None:
            self.request = self.request.replace(max_tokens=DEFAULT_MAX_TOKENS)  # what was promised is sent
        self.choice = decide(terminal.pool, wanted, profile=routing.profile, force=routing.force)
        for name in terminal.pool.routing["budgets"]:
            terminal.warn(f"budget {name} is not enforced by this version; llmpool config check says more")
        if routing.needs or routing.model:
            for note in self.choice.decision.notes:
                terminal.say(f"note: {note}")
        if self.choice.decision.no_eligible:
            raise nothing_eligible(decision_json(self.choice.decision, 0))

    def _continues(self, state: Any) -> bool:
        """Say whether there is a conversation to go on with; `--session` begins one that is not there."""
        from llmpool.state import sessions

        return bool(self.asked.session) and (self.asked.go_on or sessions.exists(state, self.asked.session))

    def _new_turns(self) -> tuple[Message, ...]:
        text = "\n\n".join(part for part in (self.asked.prompt, self.asked.piped) if part.strip())
        images: tuple[Image, ...] = ()
        if self.asked.attached is not None:
            text, images = self.asked.attached.around(text), self.asked.attached.images
        if not text and not images:
            raise Misuse("nothing to ask: the prompt is empty", hint='llmpool chat "Why is the sky blue?"')
        system = (Message(role="system", text=self.asked.system),) if self.asked.system else ()
        return (*system, Message(role="user", text=text, images=images))

    def _weighed(self) -> str:
        """Return all the text that will be sent."""
        extras = [json.dumps(extra) for extra in (*self.asked.tools, self.asked.schema) if extra]
        return "\n".join([*(message.text for message in self.request.messages), *extras])

    def _with_needs(self, wanted: RouteRequest) -> RouteRequest:
        """Require what the request cannot do without: eyes for pictures, tools, JSON for a schema."""
        images = sum(len(message.images) for message in self.request.messages)
        needs = {"images": images, "tools": self.asked.tools, "json": self.asked.schema is not None}
        found = (name for name, needed in needs.items() if needed)
        size = wanted.context_size + (0 if wanted.stated else images * TOKENS_OF_AN_IMAGE)
        return wanted.replace(
            context_size=size,
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
        order = "   then ".join(self.choice.plan[:4])
        more = f" and {len(self.choice.plan) - 4} more" if len(self.choice.plan) > 4 else ""
        self.terminal.out(f"would ask {order}{more}")
        longest = self.asked.max_tokens or "no limit"
        self.terminal.out(
            f"  about {count(decision.context_size)} tokens in, {longest} out; {decision.reasoning}"
        )
        return Exit.OK

    def answer(self, *, stats: bool) -> int:
        """Print the answer as it comes, then who gave it and what it cost."""
        self._fetch_pictures()
        manners = self._manners(shows=self.asked.stream)
        last = ""
        for event in chat(self.terminal.pool, self.request, self.choice, manners):
            if isinstance(event, Notice):
                self._seam(last)
                self.terminal.say(event.text)
                last = ""
            elif isinstance(event, Done):
                if not self.asked.stream:
                    self._show(event.journey.answer)
                self._finish(event.journey, event.journey.answer or last, stats=stats)
            elif event.text and self.asked.stream:
                self._show(event.text)
                last = event.text
            elif event.thinking and self.asked.think not in (None, "off"):
                self._think(event.thinking)
        return Exit.OK

    def _fetch_pictures(self) -> None:
        """Fetch pictures at addresses, once, for this answer and for the conversation that is kept."""
        if any(message.images for message in self.request.messages):
            from llmpool.chat import images

            self.request = images.fetched(self.terminal.pool, self.request, self.choice.plan)
            self.new = self.request.messages[-len(self.new) :]

    def _manners(self, *, shows: bool) -> Manners:
        asked = self.asked
        return Manners(
            shows=shows,
            on_break=asked.on_break,
            max_wait=asked.max_wait,
            tag=asked.tag,
            session=asked.session,
        )

    def _show(self, text: str) -> None:
        sys.stdout.write(clean(text))
        sys.stdout.flush()

    def _seam(self, last: str) -> None:
        """End a line that was broken off, so that what follows is seen to be something else."""
        if last and not last.endswith("\n"):
            self._show("\n")

    def _think(self, text: str) -> None:
        if self.terminal.err_is_terminal and not self.terminal.options.quiet:
            self.terminal.err.write(
                f"\x1b[2m{clean(text)}\x1b[0m" if self.terminal.use_color else clean(text)
            )
            self.terminal.err.flush()

    def answer_json(self) -> int:
        """Print one document when the answer is whole; a failure on the way goes on to the next candidate."""
        self._fetch_pictures()
        for event in chat(self.terminal.pool, self.request, self.choice, self._manners(shows=False)):
            if isinstance(event, Done):
                self.terminal.json(document(event.journey))
                self._keep(event.journey)
        return Exit.OK

    def _finish(self, journey: Journey, last: str, *, stats: bool) -> None:
        self._seam(last)
        self._keep(journey)
        for call in tool_calls(journey):
            self.terminal.out(json.dumps(call))
        if self.asked.schema is not None and not _is_json(journey.answer):
            self.terminal.warn("the answer is no JSON, though a schema was asked for")
        if journey.finish == "length":
            self.terminal.say("note: cut off by the token limit; more: --max-tokens N")
        self._who_answered(journey)
        if self.terminal.err_is_terminal or stats:
            self.terminal.say(footer(journey), dim=True)
        if stats:
            self.terminal.say(
                f"{journey.decision.reasoning}; {plural(len(journey.attempts), 'attempt')}", dim=True
            )

    def _who_answered(self, journey: Journey) -> None:
        """Say who answered when it is not who was chosen; quiet does not silence it (ruling 20)."""
        if journey.deployment != journey.decision.selected:
            self.terminal.warn(f"{journey.deployment} answered instead of {journey.decision.selected}")
        model = journey.deployment.partition("/")[2]
        if foreign(model, journey.served_model):
            self.terminal.warn(f"asked for {model}, the server says {journey.served_model} answered")

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
            pool.paths.state, name, exchange, journey.deployment, pool.clock(), anew=not asked.session
        )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def foreign(model: str, served: str) -> bool:
    """Say whether a server names quite another model than the one asked for; dated names are the same."""
    if not served:
        return False
    a, b = (name.lower().rpartition("/")[2].removesuffix(":latest") for name in (model, served))
    return a not in b and b not in a


def footer(journey: Journey) -> str:
    """Write the line that ends an answer: who, tokens, cost, times."""
    from llmpool.core.outcome import TokenUsage

    usage = journey.usage or TokenUsage()
    about = "about " if usage.estimated else ""
    parts = [
        journey.deployment,
        f"{about}{count(usage.input)} in, {count(usage.output)} out",
        money(journey.cost),
    ]
    first = f"first token {seconds(journey.ttft_ms)}, " if journey.ttft_ms is not None else ""
    return " · ".join([*parts, f"{first}total {seconds(journey.latency_ms)}"])


def tool_calls(journey: Journey) -> list[dict[str, Any]]:
    """List the tools the model wants called, in its order; arguments are JSON text as the model wrote it."""
    return [journey.tools[place] for place in sorted(journey.tools)]


def document(journey: Journey) -> dict[str, Any]:
    """Show an answer as `chat --json` does (DESIGN 3.2)."""
    from llmpool.core.outcome import TokenUsage

    usage = journey.usage or TokenUsage()
    shown: dict[str, Any] = {"text": journey.answer}
    if journey.thinking:
        shown["thinking"] = "".join(journey.thinking)
    if journey.tools:
        shown["tool_calls"] = tool_calls(journey)
    shown |= {
        "requested": journey.decision.requested or journey.decision.selected,
        "served_by": journey.deployment,
    }
    if journey.reason:
        shown["reason"] = journey.reason
    counted = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
    }
    return shown | {
        "finish": journey.finish or "stop",
        "usage": counted | ({"estimated": True} if usage.estimated else {}),
        "cost": None if journey.cost is None else str(journey.cost),
        "ttft_ms": journey.ttft_ms,
        "latency_ms": journey.latency_ms,
        "attempts": [attempt.as_json() for attempt in journey.attempts],
        "decision_id": journey.decision.id,
        "usage_id": journey.usage_id,
    }
