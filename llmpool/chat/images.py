"""Images on their way to a server: some fetch an address themselves, others must be sent the picture."""

from __future__ import annotations

from base64 import b64encode

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Call, Timeouts
from llmpool.formats.base import WireFormat
from llmpool.net.client import Client

MAX_BYTES = 20 * 1024 * 1024
_LIMITS = Timeouts(connect=5.0, first_token=20.0, read=20.0, total=60.0)
# The first bytes of the pictures that models take.
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


def media_type(content: bytes) -> str:
    """Say what kind of picture *content* is by its first bytes; empty when it is none that models take."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((f"image/{kind}" for start, kind in _SIGNATURES if content.startswith(start)), "")


def data_url(content: bytes) -> str:
    """Write a picture as a `data:` URL; empty when it is none that models take."""
    kind = media_type(content)
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}" if kind else ""


def inlined(request: ChatRequest, wire: WireFormat, provider: Provider, client: Client) -> ChatRequest:
    """Return *request* with its images as data where the server would not fetch them itself.

    A server of one's own is not asked to fetch either: it may have no way out, and hardly any can.
    """
    if wire.takes_image_urls and provider.location != "local":
        return request
    return request.replace(messages=tuple(_message(message, client) for message in request.messages))


def _message(message: Message, client: Client) -> Message:
    fetched = tuple(
        image if image.url.startswith("data:") else _fetched(image.url, client) for image in message.images
    )
    return message if fetched == message.images else message.replace(images=fetched)


def _fetched(url: str, client: Client) -> Image:
    """Fetch a picture without any key; raises UpstreamError of a kind that blames the request."""
    try:
        answer = client.fetch(Call(method="GET", url=url, timeouts=_LIMITS, max_bytes=MAX_BYTES))
    except UpstreamError as error:
        raise _unfit(url, error.failure.message) from None
    if answer.status != 200:
        raise _unfit(url, f"the server answered {answer.status}")
    data = data_url(answer.body)
    if not data:
        raise _unfit(url, "it is no PNG, JPEG, GIF or WebP picture")
    return Image(url=data)


def _unfit(url: str, why: str) -> UpstreamError:
    return UpstreamError(
        Failure(kind="bad_request", message=f"the image at {url[:200]} cannot be sent: {why}")
    )
