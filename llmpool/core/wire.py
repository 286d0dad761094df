"""One HTTP exchange as values: formats build Calls and read Answers and Frames; only `net` sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from llmpool.core.record import Record

# What is in the names of headers that are secrets.
SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "pass", "cred")


class Hidden(str):
    """The value of a header that is a secret, whatever the header is called."""

    __slots__ = ()


class Timeouts(NamedTuple):
    """Seconds to connect (TCP and TLS), to the first event, and between reads; *total* bounds it all."""

    connect: float = 3.0
    first_token: float = 60.0
    read: float = 120.0
    total: float | None = None


class Target(Record):
    """Where a format sends its calls, with what key, and what is known of how to call there.

    *headers* are the owner's; the format adds the *key* in its own way, or as *auth* (`bearer`, `x-api-key`)
    says. *exact* says that the URL is where the paths of its own format begin, not just where the server is.
    *without* names what was refused here before and is left out: see `formats.refused`. *context_window* is
    what the model has to be loaded with, *max_output* the most it can answer, *idle_ttl* how many seconds it
    stays loaded without use; 0 leaves it to the server.
    """

    provider: str
    url: str
    key: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    timeouts: Timeouts = Timeouts()
    verify_tls: bool = True
    auth: str = ""
    api_version: str = ""
    project: str = ""
    exact: bool = False
    max_tokens_field: str = "max_tokens"
    without: tuple[str, ...] = ()
    context_window: int = 0
    max_output: int = 0
    idle_ttl: int = 0

    def __repr__(self) -> str:
        return f"Target({self.provider!r}, {self.url!r})"  # it carries the key


class Call(Record):
    """A request to send. *framing* says how the body of a good answer is cut: `json`, `sse`, `ndjson`."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    framing: str = "json"
    timeouts: Timeouts = Timeouts()
    verify_tls: bool = True
    max_bytes: int = 64 * 1024 * 1024

    def __repr__(self) -> str:
        return f"Call({self.method} {self.url})"  # headers carry the key, the body the prompt


class Answer(Record):
    """A whole HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status})"  # the body may carry a token


class Frame(NamedTuple):
    """One event of a streamed answer; *event* is empty unless the server named it."""

    event: str
    data: str


class Followed(Frame):
    """A frame that came together with the next one: who reads it need not wait for that."""

    __slots__ = ()


class Frames:
    """The frames of an answer under way. Whoever reads them may say that hardly any is due.

    *end_within* ends the answer as if the server had, so many seconds from now; a later call can only bring
    that forward, unless it is *anew*.
    """

    def __init__(self, frames: Iterator[Frame], end_within: Callable[..., None]) -> None:
        self._frames = frames
        self.end_within = end_within

    def __iter__(self) -> Iterator[Frame]:
        return self._frames  # itself: an answer has thousands

    def __next__(self) -> Frame:
        return next(self._frames)
