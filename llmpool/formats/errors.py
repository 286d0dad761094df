"""What a vendor's error means: its own type and code first, then the HTTP status, its words last."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from llmpool.core.outcome import FORWARDED, OWN_CODES, Failure, FailureKind, UpstreamError
from llmpool.core.wire import Answer
from llmpool.formats.base import mapping, parse_json, shown

MAX_MESSAGE = 500

# Only what names the matter itself; `invalid_request_error` and its like are said about everything.
KIND_BY_CODE: dict[FailureKind, str] = {
    "quota": "insufficient_quota insufficient_user_quota quota_exceeded enforced_spend_limit_reached "
    "billing_error billing_hard_limit_reached billing_not_active insufficient_balance payment_required "
    "insufficient_credits credit_balance_too_low arrearage budget_exceeded accountoverdueerror "
    "exceeded_current_quota_error pre_consume_token_quota_failed not_enough_balance",
    "context_length": "context_length_exceeded exceed_context_size_error string_above_max_length "
    "request_too_large model_context_window_exceeded",
    "model_not_found": "model_not_found model_not_exist model_not_available unknown_model deploymentnotfound "
    "model_permission_blocked_project model_permission_blocked_org model_terms_required model_decommissioned "
    "model_not_supported model.accessdenied accessdenied.unpurchased key_model_access_denied "
    "team_model_access_denied user_model_access_denied project_model_access_denied org_model_access_denied "
    "no_access",
    "auth": "invalid_api_key authentication_error invalid_authentication unauthenticated unauthorized "
    "api_key_invalid incorrect_api_key organization_restricted",
    "rate_limit": "rate_limit_error rate_limit_exceeded too_many_requests resource_exhausted rate_limited",
    "overloaded": "overloaded_error overloaded engine_overloaded unavailable service_unavailable "
    "unavailable_error capacity_exceeded",
    "content": "content_filter content_policy_violation moderation_blocked responsibleaipolicyviolation "
    "data_inspection_failed datainspectionfailed",
    "timeout": "timeout_error request_timeout deadline_exceeded",
    "server": "server_error internal_server_error internal_error internal",
}
CODES: dict[str, FailureKind] = {code: kind for kind, codes in KIND_BY_CODE.items() for code in codes.split()}

# Patterns as text: they are compiled where an error is read, and most runs read none.
CONTEXT = (
    r"context.length.exceeded|maximum context length|exceeds? the (available )?context|context (window|size)"
    r"|token limit|too many tokens|prompt is too long|request too large|reduce the length"
    r"|(longer|greater) than the context|context length of only|n_keep.*n_ctx"
    r"|token count.{0,60}exceeds|maximum (prompt|model) length|context limit|max size: [\d,]+ tokens"
    r"|(longer|greater) than the model.s context|maximum allowed (input )?length \(?[\d,]+"
    r"|range of input length|`inputs` (must have less than|tokens \+)|max_tokens must be at least 1, got -"
    r"|input is too long|too long to fit into|too many input tokens|(greater|less) than max_seq_len"
    r"|prompt (exceeds max length|超长)|exceed max message tokens|contextwindowexceeded"
)
# What servers at home say of it, with 500 as well (LM Studio, Ollama, llama.cpp).
OVER_THE_WINDOW = (
    r"(greater than|longer than|exceeds) (the|maximum) context length|context length of only|n_keep.*n_ctx"
    r"|context size has been|exceeds the available context size|exceeded max context length"
)
# A 429 that waiting does not mend: more than a whole minute's allowance, or than a plan has at all.
TOO_MUCH = r"request too large|extra usage is required for long context"
# What llama.cpp answers with 500 although the request is at fault: nothing is wrong with the server.
NOT_TAKEN = r"(image|audio|video) input is not supported|requires --jinja|unsupported content"
# LM Studio, with 400: asked again it loads the model anew, or it rests.
CRASHED = r"model (has |is )?(unloaded|crashed)|^failed to load model"
QUOTA = (
    r"quota|billing|credit(?!ential)|payment required|\bbalance\b|overdue|spend(ing)? (limit|cap)|usage limit"
    r"|key limit exceeded|额度|余额|欠费"
)
SPENT = (  # a 429 about money; `quota` alone may be the quota per minute
    r"insufficient.(user.)?quota|exceeded your current quota|billing|credit balance|insufficient balance"
    r"|spend(ing)? (limit|cap)|all available credits|specified api usage limits|not enough balance"
    r"|(out of|draw from your) extra usage|余额不足|额度(不足|已用尽|已耗尽)|欠费|套餐已到期"
)
MODEL = (
    r"(?s)model\b.*(not (be )?found|doesn.t exist|not exist|not a valid)|(no such|unknown|invalid) model"
    r"|not a valid model|model identifier is invalid|no endpoints found|模型不存在"
)
# A 401 or 403 about one model: the key is good for others (`model.request` is a scope, which it lacks).
NOT_THIS = (
    r"(access|not allowed|permission|eligible|authorized|sample|无权访问).{0,60}(\bmodel\b(?!\.\w)|模型)"
    r"|(\bmodel\b(?!\.\w)|模型).{0,60}(disabled|subscription|too large|not (allowed|eligible)|无权)"
)
NOT_THIS_BY_KEY = r"(not allowed to|no permission to|can only) access (this )?model"
AUTH = (
    r"unauthori[sz]ed|authentication|(invalid|incorrect|missing|expired) (api.?)?(key|token)"
    r"|api.?key (not valid|required|expired)|authorization'? (header|field)|token not match"
    r"|(organization|account|project|team|key) (has been|is|was) (disabled|restricted|suspended|deactivated)"
)
CONTENT = (
    r"safety|content.?(policy|filter|management)|policy violation|moderation|flagged|content exists risk"
    r"|(inappropriate|sensitive) (content|information)|new_sensitive|considered high risk|usage guidelines"
    r"|敏感内容"
)
BUSY = r"overloaded|over capacity|at capacity|no capacity|too busy|loading model|queue is full"
RATE = r"rate.?limit|too many requests|throttled|quota exceeded|[tr]pm limit|conn limit|rate growth limit"
LATE = r"timed? ?out|deadline exceeded"
ENDPOINT = r"unexpected endpoint|page not found|unknown (path|endpoint|url)"
# The page of a firewall in between; what it did not like may be a word of the prompt, and is no key.
WALL = r"(?i)cloudflare|cf-error|just a moment|could not be satisfied|(request|you have been) (was )?blocked"
WALLED = r"error code: 1\d\d\d"  # the same, without a page
# How gateways (LiteLLM, OpenRouter) begin to tell what another said to them, of their own account there.
ANOTHERS = r"litellm\.\w+(error|exception)\b|provider returned error"
AT_ANOTHER = "the gateway's own account there is refused: its owner can mend that"
ADDRESS = r"(https?://|\b[\w-]+(\.[\w-]+)+/)\S*"  # many limits are told with the page where more is sold

Rules = tuple[tuple[FailureKind, str], ...]

WORDS_WITHOUT_STATUS: Rules = (
    ("quota", SPENT),
    ("rate_limit", RATE),
    ("overloaded", BUSY),
    ("context_length", CONTEXT),
    ("auth", AUTH),
    ("model_not_found", MODEL),
    ("content", CONTENT),
    ("timeout", LATE),
    ("wrong_format", ENDPOINT),
)
WORDS_OF_BAD_REQUEST: Rules = (
    ("context_length", CONTEXT),
    ("model_not_found", MODEL),
    ("quota", SPENT),
    ("auth", AUTH),
    ("content", CONTENT),
    ("server", CRASHED),
)
WORDS_BY_STATUS: dict[int, tuple[Rules, FailureKind]] = {
    400: (WORDS_OF_BAD_REQUEST, "bad_request"),
    401: ((("model_not_found", NOT_THIS_BY_KEY), ("quota", "额度|余额")), "auth"),
    402: ((("bad_request", "can only afford"),), "quota"),  # OpenRouter: a cheaper model may do
    403: ((("content", CONTENT), ("quota", QUOTA), ("model_not_found", NOT_THIS)), "auth"),
    404: (
        (
            ("bad_request", "no endpoints found that support"),
            ("server", "^provider returned error"),
            ("model_not_found", "model|no endpoints found"),
        ),
        "wrong_format",
    ),
    405: ((), "wrong_format"),
    408: ((), "timeout"),
    410: ((("model_not_found", "model"),), "wrong_format"),
    413: ((), "context_length"),
    415: ((), "wrong_format"),
    424: ((), "server"),  # TGI: its generation failed
    422: (WORDS_OF_BAD_REQUEST, "bad_request"),
    429: ((("quota", SPENT), ("context_length", TOO_MUCH)), "rate_limit"),
    500: ((("overloaded", BUSY), ("context_length", OVER_THE_WINDOW), ("bad_request", NOT_TAKEN)), "server"),
    501: ((), "wrong_format"),
    503: ((), "overloaded"),
    529: ((), "overloaded"),
}


class Said(NamedTuple):
    """What an error object says: its message, and its codes from the most telling on."""

    message: str
    codes: tuple[str, ...]
    status: int
    param: str = ""


def read_error(answer: Answer) -> Failure:
    """Say what an answer that is not 2xx means, and when to come back if the server told."""
    text = answer.body.decode("utf-8", "replace").strip()
    wait = retry_after(answer.headers)
    if text.startswith("<"):
        said = Said(f"answered HTML (status {answer.status})", ("html",), 0)
        kind = _kind_by_status(answer.status, "") if answer.status != 400 else "wrong_format"
    else:
        said = _said(text)
        kind = _kind(said, answer.status)
    again = {"true": True, "false": False}.get(answer.headers.get("x-should-retry", "").lower())
    if answer.status == 403 and _is_walled(text):  # which does so again with the same words
        kind, said, again = "server", Said("a firewall in between refused it", ("html",), 0), False
    if is_responses_only(answer.status, text):
        kind, said = "wrong_format", said._replace(codes=("responses_only", *said.codes))
    if answer.status == 402 and wait is not None:
        kind = "rate_limit"  # the allowance in flight is used up, not the money
    failure = Failure(
        kind=kind,
        message=said.message or f"status {answer.status} without a word",
        status=answer.status,
        code=said.codes[0] if said.codes else "",
        param=said.param,
        retry_after=wait,
        should_retry=again,
    )
    return _of_whom(failure)


def _of_whom(failure: Failure) -> Failure:
    """Say of a refused account whether it is the gateway's at somebody else: our key is good for the rest."""
    if failure.kind in ("auth", "quota") and re.match(ANOTHERS, failure.message.lower()):
        return failure.replace(code=FORWARDED, hint=AT_ANOTHER)
    return failure


def _is_walled(text: str) -> bool:
    """Say whether a 403 is of a firewall before the server, by its page or by a line."""
    page = text.startswith("<") and re.search(WALL, text[:20_000])
    return bool(page or re.fullmatch(WALLED, text))


def over_the_window(failure: Failure) -> Failure:
    """Recognise a prompt that is too long for what a local server loaded its model with: no code says so."""
    if failure.kind in ("bad_request", "server") and re.search(OVER_THE_WINDOW, failure.message.lower()):
        return failure.replace(kind="context_length")
    return failure


def is_responses_only(status: int, text: str) -> bool:
    """Say whether a server answers only at its responses endpoint (pool-routing-formats 7)."""
    words = text.lower()
    there = "v1/responses" in words or "responses api" in words
    elsewhere = there and ("legacy protocol" in words or "chat/completions" in words)
    return 400 <= status < 600 and (elsewhere or "chatcompletion operation does not work" in words)  # Azure's


def failure_in(payload: object) -> Failure:
    """Say what an error inside an answer with status 200 means."""
    said = said_by(payload)
    message, kind = said.message or "an error without a word", _kind(said, said.status)
    code = said.codes[0] if said.codes else ""
    if kind == "wrong_format" and re.search(ENDPOINT, message.lower()):
        code = "no_endpoint"  # LM Studio says so with status 200
    return _of_whom(Failure(kind=kind, message=message, status=said.status, code=code, param=said.param))


def said_by(payload: object) -> Said:
    """Read an error object in any of the shapes vendors use, the envelope with or without it."""
    outer = _first(payload)
    inner = outer
    if isinstance(outer, dict):
        inner = _first(outer.get("error") or outer.get("errors") or outer.get("base_resp") or outer)
    if isinstance(inner, str):
        return Said(shown(inner, MAX_MESSAGE), (), 0)
    facts = mapping(inner)
    codes = [facts.get(name) for name in ("code", "type", "status")]
    status = next((c for c in codes if isinstance(c, int) and 400 <= c < 600), 0)
    words = tuple(shown(c, 80) for c in codes if isinstance(c, str) and c and c not in OWN_CODES)
    param = facts.get("param")
    message = shown(_message(facts) + (_passed_on(facts) if status == 400 else ""), MAX_MESSAGE)
    return Said(message, words, status, shown(param, 80) if isinstance(param, str) else "")


def _passed_on(facts: dict[str, Any]) -> str:
    """Return what OpenRouter quotes of whoever it asked, unless that is about an account of its own there."""
    raw = mapping(facts.get("metadata")).get("raw")
    words = _said(raw).message if isinstance(raw, str) and raw.strip() else ""
    kind = _kind_by_status(400, words.lower())
    return f": {words}" if words and kind in ("bad_request", "context_length", "content") else ""


def _first(value: object) -> object:
    """Return the first of a list, which Google wraps its errors in; else the value itself."""
    return value[0] if isinstance(value, list) and value else value


def _said(text: str) -> Said:
    """Read an error body; what is not JSON, or says nothing in it, is shown as it is."""
    try:
        said = said_by(parse_json(text))
    except UpstreamError:  # no JSON: the body is the message
        said = Said("", (), 0)
    return said if said.message else said._replace(message=shown(text, 200))


def _message(facts: dict[str, Any]) -> str:
    for name in ("message", "detail", "error", "msg", "status_msg", "error_description", "title"):
        value = facts.get(name)
        if isinstance(value, list):
            value = ", ".join(v if isinstance(v, str) else _complaint(mapping(v)) for v in value)
        if isinstance(value, str) and value.strip():
            return shown(value, MAX_MESSAGE)
    return ""


def _complaint(fields: dict[str, Any]) -> str:
    """Say what FastAPI, which many servers are made with, has to say about a field, and about which."""
    place = fields.get("loc")
    name = place[-1] if isinstance(place, list) and place else ""
    words = str(fields.get("msg", ""))
    return f"{name}: {words}" if isinstance(name, str) and name else words


def _kind(said: Said, status: int) -> FailureKind:
    """Choose the kind; a status of 0 is an error the HTTP status kept quiet about."""
    words = re.sub(ADDRESS, "", said.message.lower())
    if status == 413:
        return "context_length"  # Groq calls it a rate limit; waiting would not make it shorter
    for code in said.codes:
        kind = CODES.get(code.lower())
        if kind == "server" and status:
            continue  # said about everything too; the status knows better
        if kind and not (status == 429 and kind == "rate_limit") and not (status == 403 and kind == "auth"):
            return kind
    if status:
        return _kind_by_status(status, words)
    return next((kind for kind, pattern in WORDS_WITHOUT_STATUS if re.search(pattern, words)), "server")


def _kind_by_status(status: int, words: str) -> FailureKind:
    known = status if status in WORDS_BY_STATUS else 500 if status >= 500 else 400
    rules, otherwise = WORDS_BY_STATUS[known]
    return next((kind for kind, pattern in rules if re.search(pattern, words)), otherwise)


def retry_after(headers: dict[str, str]) -> float | None:
    """Return the seconds the server asks to wait: `retry-after-ms`, else `retry-after` as number or date."""
    milliseconds = _positive(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    return _positive(text) or _until(text, headers.get("date", ""))


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _until(when: str, now: str) -> float | None:
    """Return the seconds between two HTTP dates; the server's own clock is the one that counts."""
    from email.utils import parsedate_to_datetime

    try:
        seconds = (parsedate_to_datetime(when) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds > 0 else None
