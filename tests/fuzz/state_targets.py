"""Every state file and the config read by function: thousands in the time of one command."""

from __future__ import annotations

import io
import json
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from llmpool.chat import attached, fitting, templates
from llmpool.chat.batch_lines import Reader, lines
from llmpool.chat.question import Question
from llmpool.config import edit, show
from llmpool.config.lines import key_lines
from llmpool.config.load import loads
from llmpool.core.outcome import UpstreamError
from llmpool.core.routing import RouteRequest
from llmpool.core.wire import Answer, Call
from llmpool.errors import ConfigInvalid, LlmpoolError
from llmpool.net.deadline import Deadline
from llmpool.net.reply import Sent, StreamReply
from llmpool.router import cooldown
from llmpool.state import (
    accounts,
    budgets,
    downloads,
    formats,
    health,
    history,
    inventory,
    jsonfile,
    keys,
    limits,
    logins,
    policy,
    prices,
    quotas,
    rates,
    sessions,
    tokens,
    trial,
)
from tests.fuzz import bytewise
from tests.fuzz.file_targets import BATCH, SCHEMA
from tests.fuzz.golden import NOW, config, golden
from tests.fuzz.login_targets import in_file
from tests.fuzz.promise import Target, fit, kept, refused_or_read, sound_failure

Decode = Callable[[Any], Any]
DECODERS: dict[str, tuple[Decode, Callable[[Any], Any] | None]] = {
    "account-status.json": (
        accounts._accounts,
        lambda known: [accounts._as_data(each) for each in known.values()],
    ),
    "account-quotas.json": (quotas._quotas, lambda known: [quotas._as_data(each) for each in known.values()]),
    "accounts.json": (logins._logins, logins._as_data),
    "budgets.json": (budgets._tally, None),
    "downloads.json": (downloads._jobs, None),
    "formats.json": (formats.Memories, lambda known: known.as_data()),
    "health.json": (health.Health, lambda known: known.as_data()),
    "history.json": (history._decode, None),
    "inventory.json": (inventory._inventory, lambda known: inventory._written(known.providers)),
    "keys.json": (keys._keys, None),
    "limits.json": (limits._limits, lambda known: limits._as_data(known, NOW)),
    "policy.json": (policy._policies, None),
    "prices.json": (prices.decoded, prices.document),
    "rates/sky.json": (rates._log, None),
    "tokens.json": (tokens._tokens, tokens._as_data),
    "trial.json": (trial._kept, trial._as_data),
}


def read_state(name: str, content: bytes) -> None:
    """Read a state file; what is read can be written, and is then the same."""
    decode, written = DECODERS[name]
    try:
        found = jsonfile._unwrap(content, Path(name), 1, decode)
    except (jsonfile._Corrupt, LlmpoolError):
        return
    if written is None:
        return
    again = decode(json.loads(kept(written(found))))
    assert kept(written(again)) == kept(written(found)), (found, again)
    if isinstance(found, health.Health):
        found.tidy(NOW)
        for scope, entry in found.cooldowns.items():
            assert cooldown.told(scope, cooldown.read(entry), NOW)


def read_config(content: bytes) -> None:
    """Read a config; it loads, or every problem is told in a line that can be shown."""
    text = content.decode("utf-8", "replace")
    assert all(line >= 1 for line in key_lines(text).values())
    try:
        found = loads(text, Path("config.toml"))
    except ConfigInvalid as error:
        problems = error
    else:
        json.dumps(show.as_json(found), allow_nan=False)
        return
    assert problems.message
    assert all(line.isprintable() and len(line) < 4000 for line in problems.lines), problems.lines
    json.dumps(problems.as_json())


EDITS: tuple[Callable[[str], str], ...] = (
    lambda text: edit.with_value(text, ("routing", "strategy"), "cost"),
    lambda text: edit.with_value(text, ("budgets", "daily", "limit"), "7"),
    lambda text: edit.with_provider(text, "new", {"url": "http://x.test/v1", "format": "openai"}),
    lambda text: edit.with_model(text, "den/small", {"quality": 3}),
    lambda text: edit.without_provider(text, "sky"),
    lambda text: edit.without_model(text, "sky/big"),
    lambda text: edit.without(text, ("groups", "family")),
)


def edit_config(content: bytes) -> None:
    """Edit a text that is TOML: it still is, and what is not meant is as it was."""
    try:
        before = tomllib.loads(text := content.decode())
    except (ValueError, RecursionError):
        return
    change = EDITS[zlib.crc32(content) % len(EDITS)]
    try:
        made = change(text)
    except LlmpoolError:
        return
    after = tomllib.loads(made)
    for name in before.keys() - {"routing", "budgets", "providers", "models", "groups"}:
        assert repr(before[name]) == repr(after.get(name)), name


COMMENTED = """# at the head
local_first = true   # yes
[routing]            # how
strategy = 'score'   # or cost
fallbacks = [ "den/big", # first
  "sky/big" ]
[budgets]
daily = { limit = "5.00", per = "day" } # inline
[groups.family]
providers = ["den"]
[providers.den]
url = "http://127.0.0.1:9"
[providers.den.headers]
X-Team = "a#b"
[providers.sky]
preset = "openai"
[[models]]
id = "den/small" # small
quality = 5
[[models]]
id = "sky/big"
"""


def read_session(content: bytes) -> None:
    """Read a session: turns that are none are skipped."""
    with tempfile.TemporaryDirectory() as place:
        path = sessions.path_of(Path(place), "s")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        for turn in sessions.read(Path(place), "s"):
            json.dumps(turn)
        sessions.every(Path(place))


def read_batch(content: bytes) -> None:
    """Read the lines of a batch: each is a question, or its own fault."""
    common = RouteRequest(query="")
    for plain in (False, True):
        reader = Reader(Question(prompt=""), common, plain=plain)
        for number, line in lines(io.BytesIO(content)):
            entry = reader.entry(number, line)
            json.dumps(entry.head())
            assert (entry.fault is None) == (entry.question is not None)
            if entry.fault is not None:
                json.dumps(entry.fault.as_json())


def fit_schema(path: Path) -> None:
    """Read a schema, and hold an answer to it: it fits, or what does not is told in a line."""
    with refused_or_read():
        schema = attached.schema(str(path))
        for said in (
            '{"a": 4, "b": "x"}',
            '{"a": 1e999}',
            '{"a": "x", "c": [1, null, {}]}',
            "[1, 2]",
            '"x"',
            "NaN",
            "9" * 4000,
            "[" * 500 + "]" * 500,
        ):
            fit(fitting.complaint(schema, said).encode("utf-8", "replace").decode())
    fitting._checker.cache_clear()


def fill_template(content: bytes) -> None:
    """Fill a template: as it says, or refused."""
    text = content.decode("utf-8", "replace")
    with refused_or_read():
        filled = templates.fill((("t", text),), "t", "{x} {input}", "piped }}", {"name": "{y}"})
        assert "{x} {input}" in filled.prompt


class Response:
    """An answer of the HTTP library: what `StreamReply` needs of one."""

    def __init__(self, headers: dict[str, str], pieces: Iterable[bytes]) -> None:
        self.status_code, self.headers, self._pieces = 200, headers, pieces

    def iter_raw(self) -> Any:
        """Yield the body."""
        return iter(self._pieces)

    def close(self) -> None:
        """Do nothing."""


KINDS = (
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "",
    "text/plain; charset=utf-16",
    "text/html",
    "application/json; charset=\x00",
)


def read_body(content: bytes) -> None:
    """Read a body under every name that servers give it, packed or not, whole and in frames."""
    seed = zlib.crc32(content)
    size = (1, 7, 64, 4096)[seed % 4]
    packing, framing = (
        ("", "", "gzip", "deflate", "br")[seed // 4 % 5],
        ("json", "sse", "ndjson")[seed // 20 % 3],
    )
    call = Call(method="GET", url="http://127.0.0.1:9", framing=framing, max_bytes=1 << 20)
    body = _packed(content, packing, seed)
    headers = {"content-type": KINDS[seed // 60 % len(KINDS)], "content-encoding": packing}
    for whole in (True, False):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        sent = Sent(Response(headers, pieces), Deadline(call.timeouts), (OSError,))
        try:
            with StreamReply(call, "host", sent) as reply:
                if whole:
                    assert isinstance(reply.read(), Answer)
                else:
                    for frame in reply.frames():
                        frame.data.encode()
        except UpstreamError as error:
            sound_failure(error.failure)


def _packed(content: bytes, packing: str, seed: int) -> bytes:
    if packing not in ("gzip", "deflate"):
        return content
    packer = zlib.compressobj(wbits=31 if packing == "gzip" else 15)
    whole = packer.compress(content) + packer.flush()
    return whole[: len(whole) - seed % 9] if seed % 3 else whole + content


@cache
def _seeds(name: str) -> list[bytes]:
    return [golden().files[f"state/{name}"][0]]


def targets() -> list[Target]:
    """Make a target of each reader."""
    text = bytewise.text_lines
    states = [
        Target(f"read-{name}", partial(_seeds, name), bytewise.json_document, partial(read_state, name))
        for name in DECODERS
    ]
    return [
        *states,
        Target(
            "toml-load",
            lambda: [config("http://127.0.0.1:9/v1").encode(), COMMENTED.encode()],
            bytewise.toml,
            read_config,
        ),
        Target(
            "toml-edit",
            lambda: [config("http://127.0.0.1:9/v1").encode(), COMMENTED.encode()],
            bytewise.toml,
            edit_config,
        ),
        Target("read-session", partial(_seeds, "sessions/talk.jsonl"), bytewise.json_lines, read_session),
        Target("read-batch", lambda: [BATCH], bytewise.json_lines, read_batch),
        Target(
            "read-schema",
            lambda: [json.dumps(SCHEMA).encode()],
            bytewise.json_document,
            partial(in_file, fit_schema),
        ),
        Target("read-template", lambda: [b"Look {input} at {name}: {{x}}"], bytewise.mutated, fill_template),
        Target(
            "read-body",
            lambda: [b'{"a": [1, 2]}', b"data: x\n\ndata: {}\n\n", b'{"a":1}\n{"b":2}\n'],
            text,
            read_body,
        ),
    ]
