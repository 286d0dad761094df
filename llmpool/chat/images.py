"""Images on their way to a server: some fetch an address themselves, others must be sent the picture."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial

from llmpool import ways
from llmpool.core.chat import ChatRequest, Image
from llmpool.core.ids import split_ref
from llmpool.core.outcome import UpstreamError
from llmpool.core.routing import Decision
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.errors import Misuse, Refused
from llmpool.formats import wire_format
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry.catalog import is_private

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


def is_picture(url: str) -> bool:
    """Say whether a `data:` URL holds a picture that models take."""
    _, comma, data = url.partition(",")
    try:
        return bool(comma) and bool(media_type(b64decode(data, validate=True)))
    except ValueError:
        return False


def fetched(
    pool: Pool, request: ChatRequest, plan: tuple[str, ...], decision: Decision | None = None
) -> ChatRequest:
    """Return *request* with its pictures as data, unless everyone in *plan* fetches addresses itself.

    They are fetched once, before anybody is asked. Raises Misuse for one that cannot be had: no model can
    help with that; Refused for one in the internet where *decision* is bound to this network.
    """
    addresses = {i.url for m in request.messages for i in m.images if not i.url.startswith("data:")}
    if not addresses or not any(_wants_data(pool, ref) for ref in plan):
        return request
    bound = decision is not None and _is_kept_home(addresses, decision)
    fetch = partial(Client.fetch, within=is_private) if bound else Client.fetch
    with Client(offline=pool.offline) as client:
        pictures = {url: _fetched(url, partial(fetch, client)) for url in sorted(addresses)}
    return request.replace(
        messages=tuple(
            m.replace(images=tuple(pictures.get(i.url, i) for i in m.images)) for m in request.messages
        )
    )


def _is_kept_home(addresses: set[str], decision: Decision) -> bool:
    """Say whether a request is not to leave this network (ruling 3); a picture in the internet is refused."""
    bound = "--local-only" if dict(decision.options).get("local_only") else ""
    bound = bound or ("mode local" if decision.mode == "local" else "")
    away = sorted(url for url in addresses if not is_private(url))
    if bound and away:
        raise Refused(
            f"the picture at {away[0][:200]} would be fetched from the internet, which {bound} forbids",
            hint="save it, and attach the file",
        )
    return bool(bound)


def _wants_data(pool: Pool, ref: str) -> bool:
    """Say whether a deployment has to be sent pictures; a server of one's own may have no way out."""
    name, model = split_ref(ref)
    provider = pool.provider(name)
    selected = ways.plan(pool, provider, model, provider.url).selected
    return provider.location == "local" or not wire_format(selected).takes_image_urls


def _fetched(url: str, fetch: Callable[[Call], Answer]) -> Image:
    """Fetch a picture, without any key."""
    try:
        answer = fetch(Call(method="GET", url=url, timeouts=_LIMITS, max_bytes=MAX_BYTES))
    except UpstreamError as error:
        raise _unfit(url, error.failure.message) from None
    data = data_url(answer.body) if answer.status == 200 else ""
    if not data:
        raise _unfit(
            url, "it is no PNG, JPEG, GIF or WebP" if answer.status == 200 else f"status {answer.status}"
        )
    return Image(url=data)


def _unfit(url: str, why: str) -> Misuse:
    return Misuse(f"the picture at {url[:200]} cannot be sent: {why}", hint="save it, and attach the file")
