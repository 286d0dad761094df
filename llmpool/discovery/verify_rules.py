"""The rules of a verification: where to ask, with which model, and what the answers mean.

They are those of pool-routing-formats 9 and 10. Nothing here sends anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.record import Record
from llmpool.discovery.detect_calls import NATIVE_ROOTS
from llmpool.formats.answer import is_error
from llmpool.formats.base import mapping, parse_json, shown, usable_name
from llmpool.formats.errors import MODEL, failure_in, said_by
from llmpool.formats.families import by_intelligence
from llmpool.formats.plan import Plan
from llmpool.formats.urls import clean, openai_base, openai_endpoint, root_of

MOST_ERROR = 180
MOST_CANDIDATES = 8  # models tried where every one of them is said not to exist
CANDIDATE = "verify-candidate"

_NOT_FOUND = re.compile(
    "model_not_found|unknown model|no such model|model not found|model does not exist|invalid model"
    "|unsupported model|unavailable model",
    re.IGNORECASE,
)
_MODEL_WANTED = re.compile(
    "model name is required|model is required|missing required field: model|must provide a model"
    "|未指定模型名称|模型名称不能为空|缺少模型",
    re.IGNORECASE,
)
_ROWS = {
    "responses": ("full_native", True, True, True, 65536),
    "openai": ("lite_native", False, True, True, 32768),
    "ollama": ("exec_only", False, False, False, 0),
    "": ("text_only", False, False, False, 8192),
}
_AS_OPENAI = ("anthropic", "google", "copilot", "cloudcode", "lmstudio")
_ANSWERS = ("choices", "output", "content", "candidates", "data", "models", "id", "response")
_LISTINGS = ("models", "listing")
_SEES = ("vision", "gpt-4o", "gemini")


class Urls(NamedTuple):
    """Where each family of endpoints is asked."""

    models: str
    chat: str
    anthropic: str
    responses_v1: str
    responses_plain: str


class Probe(NamedTuple):
    """What one endpoint came to. *refused*: the key was; *ready*: it does its work."""

    url: str
    status: int = 0
    reachable: bool = False
    refused: bool = False
    error: str = ""

    @property
    def ready(self) -> bool:
        """Whether the endpoint answered as one does that only did not like the question."""
        return self.reachable and not self.refused and (self.good or self.status in (400, 405))

    @property
    def good(self) -> bool:
        """Whether the endpoint is there and answered 2xx."""
        return self.reachable and not self.error and 200 <= self.status < 300

    def as_json(self) -> dict[str, Any]:
        """Show the probe as `--json` has it."""
        shown_as: dict[str, Any] = {"url": self.url, "status": self.status or None}
        return shown_as | {"reachable": self.reachable, "error": self.error or None}


class Verification(Record):
    """What a verification found. *probes* are by name, in the order they were asked.

    *url* is the address that was asked. *misfit* is a preset that does not fit what is there. *profile* is
    the capability profile that follows.
    """

    url: str
    key: str = ""
    model: str = ""
    detected: str = ""
    recommended: str = ""
    recommended_url: str = ""
    candidates: tuple[str, ...] = ()
    source: str = ""
    responses_only: bool = False
    chat_error: str = ""
    responses_status: str = ""
    probes: tuple[tuple[str, Probe], ...] = ()
    profile: tuple[tuple[str, object], ...] = ()
    misfit: str = ""

    @property
    def ready(self) -> bool:
        """Whether models are listed, or any endpoint takes questions."""
        return any(probe.ready and (name not in _LISTINGS or probe.good) for name, probe in self.probes)

    @property
    def there(self) -> bool:
        """Whether anything that was asked is there at all."""
        return any(probe.reachable for _, probe in self.probes)

    @property
    def refused(self) -> bool:
        """Whether every endpoint that is there refuses the key."""
        asked = [probe for _, probe in self.probes if probe.reachable]
        return not self.ready and bool(asked) and all(probe.refused for probe in asked)

    @property
    def shut(self) -> bool:
        """Whether models may be listed to everybody, but every endpoint for questions refuses the key."""
        asked = [probe for name, probe in self.probes if probe.reachable and name not in _LISTINGS]
        return bool(asked) and all(probe.refused for probe in asked)

    @property
    def works(self) -> bool:
        """Whether what was asked was answered, with the key or without one where there is none."""
        return not self.shut and any(probe.good for _, probe in self.probes)

    def as_json(self) -> dict[str, Any]:
        """Show the verification as `--json` has it."""
        return {
            "url": self.url,
            "key": self.key or None,
            "model": self.model or None,
            "ready": self.ready,
            "key_refused": self.refused,
            "detected_format": self.detected or None,
            "recommended_format": self.recommended,
            "recommended_url": self.recommended_url,
            "candidate_formats": list(self.candidates),
            "resolution_source": self.source,
            "responses_only": self.responses_only,
            "chat_error": self.chat_error or None,
            "responses_status": self.responses_status or None,
            "probes": {name: probe.as_json() for name, probe in self.probes},
            "capability_profile": dict(self.profile),
        }


def urls(url: str, *, exact: bool = False) -> Urls:
    """Derive where to ask from *url*; an *exact* one is where chat completions begin, as in a vendor's row.

    An address that carries a version other than v1 is taken at its word too.
    """
    base, root = clean(url), root_of(url)
    path = base.lower()
    if exact or openai_base(root, exact=False) == root:
        start = base if exact else root
        chat, responses = f"{start}/chat/completions", f"{start}/responses"
        return Urls(f"{start}/models", chat, f"{root}/v1/messages", responses, responses)
    messages = base if path.endswith("/messages") else f"{root}/v1/messages"
    return Urls(
        models=base if path.endswith("/models") else f"{root}/v1/models",
        chat=base if path.endswith("/chat/completions") else f"{root}/v1/chat/completions",
        anthropic=f"{base}/v1/messages" if path.endswith("/anthropic") else messages,
        responses_v1=f"{root}/v1/responses",
        responses_plain=f"{root}/responses",
    )


def listed_models(text: str) -> list[str]:
    """Find model names in a listing of any make, once each, in its order."""
    try:
        payload = parse_json(text)
    except UpstreamError:
        return []
    fields = mapping(payload)
    lists = [payload] if isinstance(payload, list) else [fields.get("data"), fields.get("models")]
    lines = [line for lines in lists if isinstance(lines, list) for line in lines]
    names = [name for line in lines for name in _names(line) if usable_name(name)]
    return list(dict.fromkeys(names))


def _names(line: object) -> list[Any]:
    if isinstance(line, str):
        return [line]
    fields = mapping(line)
    return [fields[key] for key in ("id", "model", "name") if key in fields]


def models_to_try(wanted: str, listed: Iterable[str]) -> list[str]:
    """List the models to ask with: the wanted one alone, else the most able, and at last none at all."""
    return [wanted] if wanted else [*by_intelligence(listed)[:MOST_CANDIDATES], ""]


def is_unknown_model(status: int, text: str) -> bool:
    """Say whether an answer means that there is no such model."""
    words = text.lower()
    said = _NOT_FOUND.search(words) or re.search(MODEL, words) or ("model" in words and "not found" in words)
    return status in (400, 404, 422) and bool(said)


def is_reachable(status: int) -> bool:
    """Say whether a status shows that an endpoint is there."""
    return 200 <= status < 300 or status in (400, 401, 403, 405)


def said_instead(text: str) -> Failure | None:
    """Return the error that an answer with a good status holds in place of one, None where it holds none."""
    try:
        payload = parse_json(text)
    except UpstreamError:
        return None
    fields = mapping(payload)
    answered = any(fields.get(name) not in (None, "") for name in _ANSWERS)
    if is_error(payload) or (fields and not answered and said_by(payload).message):
        return failure_in(payload)
    return None


def chat_error(text: str, model: str) -> str:
    """Return what an answer complains of; that no model was named is no complaint when none was sent."""
    try:
        fields = mapping(parse_json(text))
    except UpstreamError:
        return ""
    said = mapping(fields.get("error")).get("message") or fields.get("message")
    if not isinstance(said, str) or (not model and _MODEL_WANTED.search(said)):
        return ""
    return shown(said, MOST_ERROR)


def responses_status(text: str, model: str) -> str:
    """Return the `status` of an answer of the responses endpoint, else what it complains of."""
    try:
        status = mapping(parse_json(text)).get("status")
    except UpstreamError:
        return ""
    return shown(status, MOST_ERROR) if isinstance(status, str) and status else chat_error(text, model)


def recommended(planned: Plan, detected: str, probes: Mapping[str, Probe], *, responses_only: bool) -> str:
    """Choose the format to use: what is wanted first among what answers, the detected one at last."""
    there = reachable_formats(probes, detected, responses_only=responses_only)
    if responses_only and "responses" in there:
        return "responses"
    wanted = (*planned.candidates, detected, "openai", "anthropic", "responses")
    return next((name for name in wanted if name in there), "") or detected or planned.selected or "openai"


def reachable_formats(probes: Mapping[str, Probe], detected: str, *, responses_only: bool) -> set[str]:
    """Name the formats whose endpoints are there; *detected* counts by its own listing."""
    found = {
        "openai": ("chat_completions",) if not responses_only else (),
        "anthropic": ("anthropic_messages",),
        "responses": ("responses_v1", "responses_plain"),
    }
    there = {name for name, keys in found.items() if any(_reachable(probes, key) for key in keys)}
    return there | ({detected} if detected and _reachable(probes, "listing") else set())


def _reachable(probes: Mapping[str, Probe], name: str) -> bool:
    return name in probes and probes[name].reachable


def recommended_url(name: str, url: str, probes: Mapping[str, Probe], proposed: str = "") -> str:
    """Return the URL to use with the format *name*; *proposed* is what the detection came upon."""
    base, root = clean(url), root_of(url)
    if name == "responses":
        asked = (probes[key] for key in ("responses_v1", "responses_plain") if _reachable(probes, key))
        found = next((probe.url for probe in asked), "")
        return found or (proposed if proposed != base else "") or root
    if name in NATIVE_ROOTS:
        return NATIVE_ROOTS[name](root)
    if name == "anthropic":
        path = base.lower()
        for suffix in ("", "/v1/messages", "/messages"):
            if path.endswith(f"/anthropic{suffix}"):
                return base[: len(base) - len(suffix)]
    if name == "openai" and _reachable(probes, "chat_completions"):
        asked_at = probes["chat_completions"].url
        return root if asked_at == openai_endpoint(root, "/chat/completions", exact=False) else asked_at
    return root


def capability_profile(
    name: str, provider: Provider, *, responses_only: bool = False
) -> tuple[tuple[str, object], ...]:
    """Say what may be asked of a provider in the format *name* (pool-routing-formats 10)."""
    row = "responses" if responses_only else "openai" if name in _AS_OPENAI else name
    if row not in _ROWS or not row:
        row = "ollama" if provider.location == "local" else ""
    mode, parallel, streaming, schema, most = _ROWS[row]
    return (
        ("tool_call_mode", mode),
        ("supports_parallel_tool_calls", parallel),
        ("supports_streaming_tool_calls", streaming),
        ("supports_json_schema", schema),
        ("max_tool_schema_bytes", most),
        ("supports_vision", any(word in provider.id.lower() for word in _SEES)),
        ("supports_audio", False),
    )
