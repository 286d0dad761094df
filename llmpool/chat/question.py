"""What a person asks for, as one value, and the two requests it makes: one of the router, one of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.chat import session, sizes
from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.record import Record
from llmpool.core.routing import RouteRequest
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.chat.attached import Attached
    from llmpool.chat.session import Conversation
    from llmpool.pool import Pool


class Question(Record):
    """A question, checked but not yet decided. *piped* came on stdin and goes behind the prompt.

    *query* is what its complexity is judged on, where that is not the prompt. *session* is the conversation
    it is kept in; *goes_on* says that there has to be one already.
    """

    prompt: str = ""
    piped: str = ""
    query: str = ""
    system: str = ""
    session: str = ""
    goes_on: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    thinking: str | None = None
    stream: bool = True
    tag: str = ""
    attached: Attached | None = None
    schema: dict[str, Any] | None = None
    tools: tuple[dict[str, Any], ...] = ()

    @property
    def judged(self) -> str:
        """What the complexity is judged on (DESIGN 3.1): the prompt, or stdin where that is all there is."""
        return self.query or self.prompt or self.piped


def conversation(pool: Pool, question: Question) -> Conversation:
    """Return the conversation it goes on with; `--session` begins one that is not there."""
    from llmpool.state import sessions

    state, name = pool.paths.state, question.session
    if name and (question.goes_on or sessions.exists(state, name)):
        return session.conversation(state, name)
    return session.Conversation()


def new_turns(question: Question) -> tuple[Message, ...]:
    """Return what is said anew; raises Misuse where that is nothing."""
    text = "\n\n".join(part for part in (question.prompt, question.piped) if part.strip())
    images: tuple[Image, ...] = ()
    if question.attached is not None:
        text, images = question.attached.around(text), question.attached.images
    if not text and not images:
        raise Misuse("nothing to ask: the prompt is empty", hint='llmpool chat "Why is the sky blue?"')
    system = (Message(role="system", text=question.system),) if question.system else ()
    return (*system, Message(role="user", text=text, images=images))


def chat_request(question: Question, talk: Conversation, new: tuple[Message, ...]) -> ChatRequest:
    """Return what a model is asked: what was said so far, and *new*."""
    return ChatRequest(
        messages=(*talk.messages, *new),
        max_tokens=question.max_tokens,
        temperature=question.temperature,
        stream=question.stream,
        thinking=question.thinking,
        schema=question.schema,
        tools=question.tools,
        cache=bool(question.session),
    )


def both(
    pool: Pool, question: Question, talk: Conversation, new: tuple[Message, ...], wanted: RouteRequest
) -> tuple[ChatRequest, RouteRequest]:
    """Return what a model is asked, and what the router is: *wanted*, and what cannot be done without.

    That is room for all of it, eyes for pictures, tools, and JSON for a schema.
    """
    request = chat_request(question, talk, new)
    images = any(message.images for message in request.messages)
    needs = {"images": images, "tools": question.tools, "json": question.schema is not None}
    wanted = wanted.replace(
        max_tokens=question.max_tokens,
        context_size=wanted.context_size if wanted.stated else sizes.needed(request),
        continues=talk.deployment,
        warm=session.is_warm(pool, talk),
        tag=question.tag,
        needs=tuple(dict.fromkeys((*wanted.needs, *(name for name, needed in needs.items() if needed)))),
        tool_count=wanted.tool_count or len(question.tools),
    )
    return request, wanted
