"""What vendors' errors mean: codes first, then the status, words last; and when to come back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, OWN_CODES
from llmpool.core.wire import Answer
from llmpool.formats.errors import failure_in, read_error, retry_after
from llmpool.router.cooldown import NONE, cool_deployment, is_of_key
from llmpool.router.failure import another_format_may_help, next_key_may_help
from tests.unit.formats.recordings import recorded


def answer(status: int, payload: object = "", **headers: str) -> Answer:
    """Make an answer of *payload*, text as it is."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return Answer(status=status, headers=headers, body=text.encode())


RECORDED = [
    ("aimock/chat-401", "auth", "Incorrect API key provided"),
    ("llama/chat-wrong-key", "auth", "Invalid API Key"),
    ("aimock/chat-429", "rate_limit", "Rate limit reached for requests"),
    ("aimock/chat-400-context", "context_length", "maximum context length is 8192"),
    ("llama/chat-context-overflow", "context_length", "exceeds the available context size"),
    ("aimock/chat-500", "server", ""),
    ("aimock/chat-503", "overloaded", "overloaded"),
    ("llama/unknown-path", "wrong_format", "File Not Found"),
    ("llama/chat-no-messages", "bad_request", "'messages' is required"),
    ("llama/chat-unknown-model", "model_not_found", "model 'nope' not found"),
    ("llama/embeddings-not-enabled", "wrong_format", "does not support embeddings"),
]


@pytest.mark.parametrize(("name", "kind", "words"), RECORDED)
def test_recorded_errors_have_their_kind(name: str, kind: str, words: str) -> None:
    """Real servers' errors are understood, and said in their own words."""
    failure = read_error(recorded(name))
    assert (failure.kind, failure.status) == (kind, recorded(name).status)
    assert words in failure.message


GROQ = (
    "Rate limit reached for model `m` on tokens per minute (TPM): Limit 12000, Used 11800, Requested 900. "
    "Please try again in 3.5s. Need more? Upgrade today at https://console.groq.com/settings/billing"
)
FLAGGED = 'm requires moderation on Azure. Your input was flagged for "violence". No credits were charged.'
DENIED = "Access to model denied. Please make sure you are eligible for using the model."
KINDS = [
    (429, {"error": {"message": GROQ, "type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limit"),
    (429, {"error": {"message": "too fast; see platform.openai.com/account/billing."}}, "rate_limit"),
    (404, {"error": {"message": "nothing here, see https://h/models"}}, "wrong_format"),
    (404, {"error": {"message": "model 'hf.co/a/b' not found"}}, "model_not_found"),
    (400, {"error": {"message": "You have reached your specified API usage limits."}}, "quota"),
    (400, {"error": {"message": "not in good standing", "code": "Arrearage"}}, "quota"),
    (400, {"error": {"message": "Max budget: 10", "type": "budget_exceeded", "code": "400"}}, "quota"),
    (429, {"code": "exhausted", "error": "Your team has reached its monthly spending limit."}, "quota"),
    (429, {"error": {"message": "余额不足或无可用资源包", "code": "1113"}}, "quota"),
    (400, {"error": {"message": "模型不存在", "code": "1211"}}, "model_not_found"),
    (404, {"error": {"message": "no such deployment", "code": "DeploymentNotFound"}}, "model_not_found"),
    (403, {"error": {"message": "x", "code": "model_permission_blocked_project"}}, "model_not_found"),
    (404, {"error": {"message": "No endpoints found that support tool use."}}, "bad_request"),
    (404, {"error": {"message": "Provider returned error", "metadata": {"raw": ""}}}, "server"),
    (402, {"error": {"message": "You requested up to 65536 tokens, but can only afford 99"}}, "bad_request"),
    (402, {"error": {"message": "Insufficient credits. Add more."}}, "quota"),
    (403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", "server"),
    (403, "<html><title>Just a moment...</title></html>", "server"),
    (403, "<html><h2>The request could not be satisfied.</h2>Request blocked.</html>", "server"),
    (403, "error code: 1020", "server"),
    (403, "<html><h1>403 Forbidden</h1>nginx</html>", "auth"),
    (403, {"error": {"message": "Key limit exceeded (total limit)."}}, "quota"),
    (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}, "quota"),
    (403, {"error": {"message": "overdue", "code": "AccountOverdueError"}}, "quota"),
    (400, {"reason": "NOT_ENOUGH_BALANCE", "message": "not enough balance"}, "quota"),
    (401, {"error": {"message": "该令牌额度已用尽", "type": "new_api_error"}}, "quota"),
    (429, {"error": {"message": "Your project has exceeded its monthly spending cap."}}, "quota"),
    (429, {"error": {"message": "您的GLM Coding Plan套餐已到期", "code": "1309"}}, "quota"),
    (400, {"error": {"message": "You're out of extra usage. Add more at claude.ai/settings/usage"}}, "quota"),
    (400, {"error": {"message": "This organization has been disabled."}}, "auth"),
    (400, {"error": {"message": "Missing or invalid Authorization header."}}, "auth"),
    (
        400,
        {"error": {"message": "Organization has been restricted.", "code": "organization_restricted"}},
        "auth",
    ),
    (400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}, "content"),
    (400, {"error": {"message": "The input text may contain sensitive information."}}, "content"),
    (400, {"error": {"message": "litellm.ContentPolicyViolationError: x", "code": "400"}}, "content"),
    (400, {"message": "The provided model identifier is invalid."}, "model_not_found"),
    (400, {"message": "Input is too long for requested model."}, "context_length"),
    (400, {"message": "max_tokens must be at least 1, got -186.", "code": 400}, "context_length"),
    (400, {"error": {"code": "1261", "message": "Prompt exceeds max length"}}, "context_length"),
    (400, {"error": {"message": "litellm.ContextWindowExceededError: x", "code": "400"}}, "context_length"),
    (
        500,
        {"error": {"message": "Context size has been exceeded.", "type": "server_error"}},
        "context_length",
    ),
    (500, {"error": {"message": "image input is not supported - hint: x", "code": 500}}, "bad_request"),
    (500, {"error": {"message": "tools param requires --jinja flag", "code": 500}}, "bad_request"),
    (400, {"error": 'Failed to load model "x". Error: Operation canceled.'}, "server"),
    (400, {"error": "The model has crashed without additional information. (Exit code: 6)"}, "server"),
    (424, {"error": "Request failed during generation", "error_type": "generation"}, "server"),
    (498, {"error": {"message": "x", "code": "capacity_exceeded", "type": "flex"}}, "overloaded"),
    (403, {"error": {"message": FLAGGED, "code": 403, "metadata": {"reasons": ["violence"]}}}, "content"),
    (403, {"error": {"message": DENIED, "code": "Model.AccessDenied"}}, "model_not_found"),
    (403, {"error": {"message": DENIED, "code": "AccessDenied.Unpurchased"}}, "model_not_found"),
    (403, {"message": "You don't have access to the model with the specified model ID."}, "model_not_found"),
    (403, {"error": {"code": "no_access", "message": "No access to model: o1"}}, "model_not_found"),
    (403, {"error": {"message": "User u is not authorized to access model m"}}, "model_not_found"),
    (403, {"error": "this model requires a subscription, upgrade for access"}, "model_not_found"),
    (403, {"error": {"message": "该令牌无权访问模型 m", "type": "new_api_error"}}, "model_not_found"),
    (403, {"code": 30003, "message": "Model disabled."}, "model_not_found"),
    (403, {"error": {"message": "x", "type": "team_model_access_denied", "code": "403"}}, "model_not_found"),
    (401, {"error": {"message": "x", "type": "key_model_access_denied", "code": "401"}}, "model_not_found"),
    (401, {"error": {"message": "API Key not allowed to access model."}}, "model_not_found"),
    (403, {"error": {"message": "insufficient permissions. Missing scopes: model.request"}}, "auth"),
    (401, {"error": {"message": "sign in to access this model", "type": "auth_error"}}, "auth"),
    (400, {"error": {"message": "inappropriate", "code": "data_inspection_failed"}}, "content"),
    (401, {"error": {"message": "credit"}}, "auth"),
    (402, {}, "quota"),
    (403, {"error": {"message": "forbidden: invalid credentials"}}, "auth"),
    (403, {"error": {"message": "credit balance too low"}}, "quota"),
    (403, {"error": {"message": "blocked for safety"}}, "content"),
    (404, {"error": {"message": "The model `x` does not exist"}}, "model_not_found"),
    (404, {"error": {"message": "No endpoints found for x/y"}}, "model_not_found"),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}, "model_not_found"),
    (404, {"detail": "Not Found"}, "wrong_format"),
    (404, "404 page not found", "wrong_format"),
    (404, "<html>model</html>", "wrong_format"),
    (405, {}, "wrong_format"),
    (408, {}, "timeout"),
    (413, {"error": {"message": "too large", "code": "rate_limit_exceeded"}}, "context_length"),
    (400, {"error": {"message": "prompt is too long: 9 tokens"}}, "context_length"),
    (400, {"error": {"message": "x", "type": "exceed_context_size_error", "code": 400}}, "context_length"),
    (400, {"error": {"message": "Your credit balance is too low"}}, "quota"),
    (400, {"error": {"message": "API key not valid", "status": "INVALID_ARGUMENT"}}, "auth"),
    (400, {"error": {"message": "x", "code": "content_policy_violation"}}, "content"),
    (400, {"error": {"message": "x/y is not a valid model ID", "code": 400}}, "model_not_found"),
    (400, {"error": {"message": "Invalid value for model: temperature too high"}}, "bad_request"),
    (400, {"error": {"message": "temperature: rate limit"}}, "bad_request"),
    (422, {"detail": [{"msg": "field required"}]}, "bad_request"),
    (418, {}, "bad_request"),
    (429, {"error": {"message": "slow", "type": "insufficient_quota"}}, "quota"),
    (429, {"error": {"message": "x", "type": "enforced_spend_limit_reached"}}, "quota"),
    (429, {"error": {"message": "billing hard limit reached"}}, "quota"),
    (429, {"error": {"message": "Quota exceeded per minute", "status": "RESOURCE_EXHAUSTED"}}, "rate_limit"),
    (429, "", "rate_limit"),
    (500, {"error": {"message": "The engine is overloaded"}}, "overloaded"),
    (500, {"error": {"message": "rate_limit", "type": "rate_limit_error"}}, "rate_limit"),
    (502, "<html>bad gateway</html>", "server"),
    (504, {}, "server"),
    (529, {}, "overloaded"),
]


LITELLM = "litellm.AuthenticationError: AnthropicException - invalid x-api-key. Received Model Group=claude"
SPENT = "litellm.RateLimitError: OpenAIException - You exceeded your current quota, please check your plan."


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": LITELLM, "code": "401"}, "auth"),
        (429, {"message": SPENT, "type": "throttling_error", "code": "429"}, "quota"),
        (403, {"message": "Provider returned error", "code": 403, "metadata": {"raw": "no"}}, "auth"),
    ],
)
def test_an_account_that_a_gateway_has_elsewhere_is_no_key_of_ours(
    status: int, error: dict[str, object], kind: str
) -> None:
    """The deployment rests; the key is good for whatever else the gateway has."""
    failure = read_error(answer(status, {"error": error}))
    assert (failure.kind, failure.code) == (kind, "forwarded")
    assert not is_of_key(failure)
    assert not next_key_may_help(failure)
    assert cool_deployment(NONE, failure, 0.0).seconds == 3600
    own = read_error(
        answer(401, {"error": {"message": "Authentication Error, invalid", "type": "auth_error"}})
    )
    assert is_of_key(own)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (1004, "login fail: Please carry the API secret key in the 'Authorization' field", "auth"),
        (1004, "token not match group", "auth"),
        (1008, "insufficient balance", "quota"),
        (1026, "input new_sensitive", "content"),
        (1027, "output new_sensitive", "content"),
        (1041, "conn limit", "rate_limit"),
        (2045, "rate growth limit", "rate_limit"),
        (2049, "invalid api key", "auth"),
        (1000, "unknown error", "server"),
    ],
)
def test_minimax_tells_its_errors_with_status_200(code: int, words: str, kind: str) -> None:
    """In words of its own; what was refused for what it says is no fault of the server."""
    assert failure_in({"choices": None, "base_resp": {"status_code": code, "status_msg": words}}).kind == kind


@pytest.mark.parametrize(("status", "payload", "kind"), KINDS)
def test_kinds_come_from_codes_then_status_then_words(status: int, payload: object, kind: str) -> None:
    """Words decide only where code and status leave it open."""
    assert read_error(answer(status, payload)).kind == kind


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions."),  # OpenAI's own
        (400, "Unsupported legacy protocol: please use /v1/responses."),
        (400, "The chatCompletion operation does not work with the specified model, gpt-5-pro."),  # Azure's
    ],
)
def test_who_answers_at_the_responses_endpoint_alone_is_asked_there(status: int, words: str) -> None:
    """However the endpoint is spelt; the model is not missing, though `404` and `model` say so."""
    failure = read_error(answer(status, {"error": {"message": words, "param": "model"}}))
    assert (failure.kind, failure.code) == ("wrong_format", "responses_only")
    assert another_format_may_help(failure)


RAW = '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 5"}}'
OPENROUTERS = [
    (RAW, "context_length", "Provider returned error: prompt is too long: 9 > 5"),
    ("temperature is not supported", "bad_request", "Provider returned error: temperature is not supported"),
    ("API key not valid", "bad_request", "Provider returned error"),
    (None, "bad_request", "Provider returned error"),
]


@pytest.mark.parametrize(("raw", "kind", "message"), OPENROUTERS)
def test_what_openrouter_was_told_is_passed_on(raw: str | None, kind: str, message: str) -> None:
    """Its own words say nothing; what is wrong with its keys says nothing of ours."""
    payload = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}}
    failure = read_error(answer(400, payload))
    assert (failure.kind, failure.message) == (kind, message)


MESSAGES = [
    ({"error": {"message": ["a", "b"]}}, "a, b"),
    ({"error": "just text"}, "just text"),
    ({"object": "error", "message": "flat"}, "flat"),
    ([{"error": {"message": "listed"}}], "listed"),
    ({"detail": [{"msg": "one"}, {"msg": "two"}]}, "one, two"),
    (
        {"detail": [{"loc": ["body", "stop"], "msg": "extra fields not permitted"}]},
        "stop: extra fields not permitted",
    ),
    ({"errors": [{"message": "several"}]}, "several"),
    ("a page\x1b[31m of\n text", "a page [31m of text"),
    ("<html><h1>No</h1>", "answered HTML (status 400)"),
    ({"x": 1}, '{"x": 1}'),
    ("", "status 400 without a word"),
    ("x" * 900, "x" * 197 + "..."),
]


@pytest.mark.parametrize(("payload", "message"), MESSAGES)
def test_messages_are_the_vendors_own_and_harmless(payload: object, message: str) -> None:
    """Whatever shape an error has, its words come out on one line, short and without control characters."""
    assert read_error(answer(400, payload)).message == message


WAITS = [
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"retry-after": "2"}, 2.0),
    ({"retry-after": "1.5"}, 1.5),
    ({"retry-after": "Wed, 21 Oct 2099 07:28:30 GMT", "date": "Wed, 21 Oct 2099 07:27:00 GMT"}, 90.0),
    ({"retry-after": "Wed, 21 Oct 2099 07:28:30 GMT"}, None),
    ({"retry-after": "Wed, 21 Oct 2099 07:28:30 GMT", "date": "Wed, 21 Oct 2099 07:29:00 GMT"}, None),
    ({"retry-after": "0"}, None),
    ({"retry-after": "-3"}, None),
    ({"retry-after": "inf"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "soon", "date": "now"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_server_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds or a date, told by the server's own clock; nonsense is no hint."""
    assert retry_after(headers) == seconds


def test_hints_are_kept_with_the_failure() -> None:
    """A 402 with a time to come back is a limit, and the server may say itself whether to retry."""
    failure = read_error(answer(402, {}, **{"retry-after": "3", "x-should-retry": "true"}))
    assert (failure.kind, failure.retry_after, failure.should_retry) == ("rate_limit", 3.0, True)
    assert read_error(answer(500, {}, **{"x-should-retry": "false"})).should_retry is False
    assert read_error(answer(500)).should_retry is None


HIDDEN = [
    ({"error": "rate limit exceeded"}, "rate_limit"),
    ({"error": {"message": "Provider returned error", "code": 502}}, "server"),
    ({"error": {"message": "x", "code": 402}}, "quota"),
    ({"error": {"message": "insufficient_quota"}}, "quota"),
    ({"error": {"message": "Invalid API key"}}, "auth"),
    ({"error": {"message": "timed out"}}, "timeout"),
    ({"error": 5}, "server"),
    (None, "server"),
]


@pytest.mark.parametrize(("payload", "kind"), HIDDEN)
def test_errors_inside_a_good_answer_have_a_kind(payload: object, kind: str) -> None:
    """A status of 200 says nothing; code and words must."""
    assert failure_in(payload).kind == kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "type"]), inner)
    ),
)


@given(JSON, st.integers(400, 599), st.binary(max_size=20))
def test_no_error_body_is_too_odd_to_read(payload: object, status: int, junk: bytes) -> None:
    """Every error becomes a failure of a known kind."""
    assert read_error(answer(status, payload)).kind in FAILURE_KINDS
    assert failure_in(payload).kind in FAILURE_KINDS
    assert read_error(Answer(status=status, headers={}, body=junk)).message


@pytest.mark.parametrize("code", sorted(OWN_CODES))
def test_no_server_speaks_with_a_code_of_ours(code: str) -> None:
    """Such a code says that nothing was sent, or why this program ends: it would not be recorded or paid."""
    failure = read_error(answer(500, {"error": {"message": "boo", "code": code, "type": code}}))
    assert (failure.kind, failure.code) == ("server", "")
