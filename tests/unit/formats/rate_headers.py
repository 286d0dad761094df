"""Rate headers as vendors sent them, values and all.

Origin (headers only; both projects are Apache-2.0): OPENAI and ANTHROPIC are from test cassettes of
open-telemetry/opentelemetry-python-contrib, of its instrumentations of openai-v2
(test_async_chat_completion_metrics) and anthropic (test_sync_messages_create_basic); GROQ, MISTRAL and
TOGETHER from test cassettes of traceloop/openllmetry, of its instrumentations of groq (test_chat), mistralai
(test_mistralai_chat_legacy) and together (test_together_chat). AIMOCK was recorded from aimock 1.43.
CEREBRAS is the example on that vendor's page about rate limits.
"""

from __future__ import annotations

OPENAI = {
    "date": "Wed, 13 Nov 2024 00:03:58 GMT",
    "openai-processing-ms": "359",
    "x-ratelimit-limit-requests": "30000",
    "x-ratelimit-limit-tokens": "150000000",
    "x-ratelimit-remaining-requests": "29999",
    "x-ratelimit-remaining-tokens": "149999978",
    "x-ratelimit-reset-requests": "2ms",
    "x-ratelimit-reset-tokens": "0s",
    "x-request-id": "req_41ea134c1fc450d4ca4cf8d0c6a7c53a",
}
ANTHROPIC = {
    "CF-RAY": "9d433fe00fb0012e-EWR",
    "anthropic-ratelimit-input-tokens-limit": "450000",
    "anthropic-ratelimit-input-tokens-remaining": "450000",
    "anthropic-ratelimit-input-tokens-reset": "2026-02-26T23:33:49Z",
    "anthropic-ratelimit-output-tokens-limit": "90000",
    "anthropic-ratelimit-output-tokens-remaining": "90000",
    "anthropic-ratelimit-output-tokens-reset": "2026-02-26T23:33:49Z",
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "999",
    "anthropic-ratelimit-requests-reset": "2026-02-26T23:33:48Z",
    "anthropic-ratelimit-tokens-limit": "540000",
    "anthropic-ratelimit-tokens-remaining": "540000",
    "anthropic-ratelimit-tokens-reset": "2026-02-26T23:33:49Z",
    "x-envoy-upstream-service-time": "1087",
}
GROQ = {
    "via": "1.1 google",
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-requests": "14398",
    "x-ratelimit-remaining-tokens": "29987",
    "x-ratelimit-reset-requests": "10.332999999s",
    "x-ratelimit-reset-tokens": "26ms",
}
MISTRAL = {
    "x-kong-upstream-latency": "684",
    "x-ratelimit-limit-req-10-second": "60",
    "x-ratelimit-limit-tokens-minute": "2000000",
    "x-ratelimit-limit-tokens-month": "10000000000",
    "x-ratelimit-remaining-req-10-second": "59",
    "x-ratelimit-remaining-tokens-minute": "1999893",
    "x-ratelimit-remaining-tokens-month": "9999999893",
    "x-ratelimit-tokens-query-cost": "107",
}
TOGETHER = {
    "x-ratelimit-limit": "200",
    "x-ratelimit-remaining": "199",
    "x-ratelimit-reset": "2",
    "x-time-per-token": "11",
}
AIMOCK = {
    "Retry-After": "2",
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6m0s",
}
CEREBRAS = {
    "x-ratelimit-limit-requests-day": "1000000000",
    "x-ratelimit-limit-tokens-minute": "1000000000",
    "x-ratelimit-remaining-requests-day": "999997455",
    "x-ratelimit-remaining-tokens-minute": "999998298",
    "x-ratelimit-reset-requests-day": "33011.382867097855",
    "x-ratelimit-reset-tokens-minute": "11.382867097854614",
}
