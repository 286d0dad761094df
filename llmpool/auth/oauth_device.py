"""The device flow: a code is shown, typed in on some device, and asked after until it was (spec 5.3)."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.auth.oauth import (
    Application,
    Clock,
    Login,
    LoginFailed,
    Show,
    Wait,
    fields_of,
    form,
    refusal,
    tokens_in,
)
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer
from llmpool.formats.base import UNPRINTABLE, count

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LEAST_INTERVAL = 5.0  # seconds between two questions
SLOWER = 5.0  # more, once the server asked for it; asking again adds nothing
LIMIT = 300.0  # seconds that a person has in all
_NOT_YET, _SLOW_DOWN = "authorization_pending", "slow_down"


class Code(NamedTuple):
    """What a server gave to begin with; *device* is asked after and never shown."""

    device: str
    user: str
    url: str
    interval: float
    seconds: float

    def __repr__(self) -> str:
        return f"Code({self.user!r})"


def device_login(app: Application, clock: Clock) -> Login:
    """Log in by a code: ask for one, show it, and ask after it every five seconds at most.

    Raises LoginFailed.
    """
    answer = yield form(app, app.device_url, {"client_id": app.client_id, "scope": " ".join(app.scopes)})
    code = _code(answer)
    yield Show(code.url, code.user, code.seconds)
    began, every = clock(), max(code.interval, LEAST_INTERVAL)
    slower = 0.0
    while True:
        if clock() + every + slower - began > code.seconds:
            raise LoginFailed("expired_token", f"nobody confirmed the code within {code.seconds:.0f} s")
        yield Wait(every + slower)
        try:
            answer = yield form(app, app.token_url, _asked(app, code))
        except UpstreamError:  # a network that is away for a moment; the limit ends this
            slower = SLOWER
            continue
        said = fields_of(answer).get("error")
        if said not in (_NOT_YET, _SLOW_DOWN) and not _is_fault(answer):
            return tokens_in(answer, clock(), code.device, app.client_secret)
        if said != _NOT_YET:
            slower = SLOWER


def _asked(app: Application, code: Code) -> dict[str, str]:
    return {
        "client_id": app.client_id,
        "device_code": code.device,
        "grant_type": GRANT,
        "client_secret": app.client_secret,
    }


def _is_fault(answer: Answer) -> bool:
    """Say whether the server is in trouble rather than saying no; its no comes with any status."""
    return (answer.status >= 500 or answer.status == 429) and not fields_of(answer)


def _code(answer: Answer) -> Code:
    """Read the answer to the first question; what is shown of it is text on one line."""
    if answer.status != 200:
        raise refusal(answer, "no_code")
    known = fields_of(answer)
    texts = [known.get(name) for name in ("device_code", "user_code")]
    texts.append(known.get("verification_uri") or known.get("verification_url"))
    if not all(isinstance(text, str) and 0 < len(text) < 2048 for text in texts):
        raise refusal(answer, "no_code")
    device, user, url = (str(text) for text in texts)
    if UNPRINTABLE.search(user + url) or not url.startswith(
        ("https://", "http://127.0.0.1:", "http://localhost:")
    ):
        raise LoginFailed("invalid_answer", "the server's code or address is not one to show")
    lasts = float(count(known.get("expires_in")) or LIMIT)
    return Code(device, user, url, float(min(count(known.get("interval")), 60)), min(lasts, LIMIT))
