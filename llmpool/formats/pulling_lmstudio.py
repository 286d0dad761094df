"""Fetches models with LM Studio (0.4 and later): a job that is started and then asked after.

`POST /api/v1/models/download` starts it, or says that the model is there; `GET .../status/JOB` tells how far
it is. The job is LM Studio's own: it goes on when nobody asks, and there is no call that ends it. Nor is
there one that deletes a model.
"""

from __future__ import annotations

import re
from typing import Any

from llmpool.core.outcome import Failure
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import errors
from llmpool.formats.answer import failed, good
from llmpool.formats.base import count, get, join_url, mapping, post, with_key, word, wrong_format
from llmpool.formats.lmstudio import root_of
from llmpool.formats.pulling import MADE_UP, Moved, in_bounds

DOWNLOAD = "/api/v1/models/download"
OVER = ("already_downloaded", "completed")
GOING_ON = ("downloading", "paused")
ALREADY = "already_downloaded"
_HANDLE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")  # it becomes part of a path


def pull_call(target: Target, model: str) -> Call:
    """Build the call that starts a pull: of a name in LM Studio's catalog, or of a Hugging Face link."""
    return post(target, _url(target), with_key(target), {"model": model})


def status_call(target: Target, handle: str) -> Call:
    """Build the call that asks how far the pull *handle* is."""
    return get(target, f"{_url(target)}/status/{handle}", with_key(target))


def read_status(answer: Answer, handle: str = "") -> Moved:
    """Read how far a pull is, of its start as well; raise UpstreamError when it failed or never began."""
    fields = mapping(good(answer, _error, _failure))
    status = word(fields.get("status"))
    if status == "failed":
        said = errors.said_by(fields).message
        raise failed("server", f"the download failed{f': {said}' if said else ' without a word'}")
    if status not in OVER and status not in GOING_ON:
        raise wrong_format(f"the download is in a state nobody knows: {status or 'none'}")
    named = fields.get("job_id")
    handle = named if isinstance(named, str) and is_handle(named) else handle
    if status in GOING_ON and not handle:
        raise wrong_format("the download has no job_id to ask after")
    return Moved(status, *_bytes(fields, status), over=status in OVER, handle=handle)


def is_handle(text: str) -> bool:
    """Say whether *text* can be what LM Studio calls a download."""
    return _HANDLE.match(text) is not None


def _bytes(fields: dict[str, Any], status: str) -> tuple[int, int]:
    done, total = (count(fields.get(name), MADE_UP) for name in ("downloaded_bytes", "total_size_bytes"))
    return in_bounds(total if status == "completed" else done, total)


def _url(target: Target) -> str:
    return join_url(root_of(target.url), DOWNLOAD)


def _error(answer: Answer) -> Failure:
    return _old(errors.read_error(answer))


def _failure(payload: object) -> Failure:
    return _old(errors.failure_in(payload))


def _old(failure: Failure) -> Failure:
    """Recognise a server that knows nothing of downloads: it is older than 0.4."""
    if failure.kind != "wrong_format" and failure.code != "no_endpoint":
        return failure
    words = "this server takes no downloads over its API, as LM Studio does from 0.4 on"
    return failure.replace(kind="wrong_format", code="no_endpoint", message=words)
