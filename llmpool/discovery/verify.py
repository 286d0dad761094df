"""Verify an endpoint: what answers at which path, whether the key works, which format to use.

pool-routing-formats 9. Differences from the source: a vendor's own row is taken at its word instead of being
detected; formats with a listing of their own (Ollama, Google and the like) are asked for that, and servers
that may load a model for a question get none; a 400 that speaks of the key is a refused key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmpool import credentials, ways
from llmpool.config import addresses
from llmpool.config.problems import Problem, Spot
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.wire import Call, Target
from llmpool.discovery import verify_rules as rules
from llmpool.discovery.detect import Detected, Seen, detect, is_page, look_at, look_at_all
from llmpool.discovery.detect_calls import LIMITS, MOST_OF_A_LISTING, ask, headers_for, look
from llmpool.discovery.verify_rules import Probe, Urls, Verification
from llmpool.errors import Misuse, Refused
from llmpool.formats import wire_format
from llmpool.formats.base import shown
from llmpool.formats.errors import is_responses_only, read_error
from llmpool.formats.families import NATIVE, third_party
from llmpool.formats.plan import Memory, endpoint_lock, plan
from llmpool.formats.urls import clean
from llmpool.net.address import host_of
from llmpool.net.client import Client
from llmpool.pool import Pool

Progress = Callable[[str], None]
_CHAT = ("chat_completions", "responses_v1", "responses_plain")
_UNDETECTABLE = ("cloudcode", "copilot")
_TRIED_LISTINGS = 3
_TOKENS = 8
_TOKENS_OF_RESPONSES = 16  # OpenAI refuses to answer with fewer


def candidate(url: str) -> Provider:
    """Make a provider of an address that nobody configured."""
    name = rules.CANDIDATE
    return Provider(
        id=name, name=name, preset="", format="", format_mode="", url=clean(url), location="cloud"
    )


def candidate_at(address: str) -> Provider:
    """Make a provider of an address as a person types it; raises Misuse for what is none."""
    problems: list[Problem] = []
    url = addresses.url.read(address if "://" in address else f"http://{address}", Spot((), problems))
    if problems:
        raise Misuse(problems[0].message, hint=problems[0].suggestion)
    return candidate(str(url))


def verify_provider(
    pool: Pool, provider: Provider, *, model: str = "", key_env: str = "", progress: Progress
) -> Verification:
    """Verify *provider* with its keys, one after the other for as long as they are refused.

    *key_env* names a variable whose key is used instead. Raises NoCredential when there is no key to try.
    """
    if pool.offline:
        raise Refused("--offline forbids asking providers", hint="run it without --offline")
    if provider.preset == "embedded":
        raise Misuse("the embedded server is llmpool's own; there is nothing to verify")
    named = [KeyRef(label=key_env, source="env", env=key_env)]
    pool.warnings += filter(None, [ways.unverified(provider)])
    found = Verification(url=provider.url)
    with Client(offline=pool.offline) as client:
        for credential in credentials.usable(provider, pool, named if key_env else None):
            for url in dict.fromkeys((provider.url, *ways.addresses(pool, provider))):
                here = provider if url == provider.url else provider.replace(url=url)
                target = credentials.target(here, credential, LIMITS)
                seen = verify(client, here, target, model=model, progress=progress)
                seen = seen.replace(key=credential.label if credential.secret else "")
                if not seen.refused:
                    return seen
                found = found if found.refused else seen  # told in the words of the first address
    return found


def verify(
    client: Client, provider: Provider, target: Target, *, model: str = "", progress: Progress
) -> Verification:
    """Verify what answers at *target*, asking with *model* or else with the most able one listed."""
    progress("detecting the format")
    detected = _detected(client, provider, target)
    if detected.failure is not None:
        return _nobody(provider, detected.failure)
    seen: dict[str, Seen] = {}
    probes: dict[str, Probe] = {}
    if detected.format in (*NATIVE, "google"):
        progress("asking for its own listing")
        probes["listing"] = _own_listing(client, target, detected.format)
    if not _takes_no_question(provider, detected.format):
        asking = _Asking(client, provider, target, progress)
        seen["models"] = asking.models(detected.format)
        model, answers = asking.questions(model, seen["models"])
        seen |= answers
        probes |= {name: _probe(asking.where, name, each) for name, each in seen.items()}
    return _judged(provider, model, detected, seen, probes)


def _detected(client: Client, provider: Provider, target: Target) -> Detected:
    if provider.format in _UNDETECTABLE or not third_party(provider):
        return Detected(provider.format)
    return detect(client, target)


def _takes_no_question(provider: Provider, name: str) -> bool:
    """Say whether no question is put: it would load a model, or a vendor takes it in its own format only."""
    return name in NATIVE or (name == "google" and not third_party(provider))


def _where(provider: Provider) -> Urls:
    """Derive where to ask; the row of a vendor ends where chat completions begin, or is the endpoint."""
    row = provider.exact and provider.format in ("openai", "responses") and not endpoint_lock(provider)
    return rules.urls(provider.url, exact=row)


class _Asking:
    """Puts the questions that one endpoint after the other may answer."""

    def __init__(self, client: Client, provider: Provider, target: Target, progress: Progress) -> None:
        self.where = _where(provider)
        self._client = client
        self._target = target
        self._max_tokens = provider.max_tokens_field
        self._progress = progress

    def models(self, detected: str) -> Seen:
        """List the models; who speaks Anthropic's protocol wants the key in its own way here too."""
        self._progress("listing models")
        call = look(self._target, self.where.models)
        if detected == "anthropic":
            key = headers_for(self._target, "anthropic")
            call = call.replace(headers=(("accept", "application/json"), *key))
        return look_at(self._client, call)

    def questions(self, wanted: str, models: Seen) -> tuple[str, dict[str, Seen]]:
        """Ask with one model after the other until one exists; return it, and what each endpoint said."""
        body = models.answer.body.decode("utf-8", "replace") if models.answer and models.good else ""
        model, seen = "", [Seen()]
        for model in rules.models_to_try(wanted, rules.listed_models(body)):
            self._progress(f"asking {model}" if model else "asking without a model")
            seen = look_at_all(self._client, self._calls(model))
            if not model or not all(rules.is_unknown_model(each.status, each.text) for each in seen):
                break
        answers = dict(zip(_CHAT, seen, strict=True))
        return model, answers | {"anthropic_messages": look_at(self._client, self._message(model))}

    def _calls(self, model: str) -> list[Call]:
        """Build the three questions that go out together."""
        headers = headers_for(self._target, "openai")
        chat = {"messages": [{"role": "user", "content": "ping"}], self._max_tokens: _TOKENS}
        responses = {"input": "ping", "max_output_tokens": _TOKENS_OF_RESPONSES}
        return [
            ask(self._target, self.where.chat, headers, _named(model, chat)),
            ask(self._target, self.where.responses_v1, headers, _named(model, responses)),
            ask(self._target, self.where.responses_plain, headers, _named(model, responses)),
        ]

    def _message(self, model: str) -> Call:
        turn = {"role": "user", "content": [{"type": "text", "text": "ping"}]}
        body = _named(model, {"messages": [turn], "max_tokens": _TOKENS})
        return ask(self._target, self.where.anthropic, headers_for(self._target, "anthropic"), body)


def _named(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Name the model in a question; one that has no name is left out."""
    return {"model": model} | body if model else body


def _own_listing(client: Client, target: Target, name: str) -> Probe:
    """Ask for the listing of the format itself, its older paths too; only its first page is fetched."""
    flow = wire_format(name).list_models(target)
    url, seen = target.url, Seen()
    try:
        call = next(flow)
        for _ in range(_TRIED_LISTINGS):
            url, seen = call.url, look_at(client, call.replace(timeouts=LIMITS, max_bytes=MOST_OF_A_LISTING))
            if seen.answer is None or seen.status != 404:
                break
            call = flow.send(seen.answer)
    except (StopIteration, UpstreamError):
        pass  # what it makes of the answer is not asked here, only whether there was one
    finally:
        flow.close()
    return _read(url, seen)


def _probe(where: Urls, name: str, seen: Seen) -> Probe:
    url = getattr(where, {"chat_completions": "chat", "anthropic_messages": "anthropic"}.get(name, name))
    probe = _read(url, seen)
    if name.startswith("responses") and is_page(seen.text):
        return probe._replace(reachable=False, error="answered HTML")
    return probe


def _read(url: str, seen: Seen) -> Probe:
    """Say what an answer means for the endpoint at *url*."""
    if seen.answer is None:
        failure = seen.failure or Failure(kind="unusable", message="nothing was asked")
        return Probe(url, error=_words(url, failure))
    if seen.status < 400:
        return Probe(url, seen.status, rules.is_reachable(seen.status))
    failure = read_error(seen.answer)
    error = shown(failure.message, rules.MOST_ERROR)
    return Probe(url, seen.status, rules.is_reachable(seen.status), failure.kind == "auth", error)


def _words(url: str, failure: Failure) -> str:
    """Say why there is no answer; the host is told by the URL beside it."""
    return shown(failure.message.removeprefix(f"{host_of(url)}: "), rules.MOST_ERROR)


def _nobody(provider: Provider, failure: Failure) -> Verification:
    """Report that nobody is there, once instead of for every endpoint."""
    url = _where(provider).models
    probe = Probe(url, error=_words(url, failure))
    return Verification(
        url=provider.url, recommended=provider.format or "openai", probes=(("models", probe),)
    )


def _judged(
    provider: Provider, model: str, detected: Detected, seen: dict[str, Seen], probes: dict[str, Probe]
) -> Verification:
    """Draw the conclusions."""
    twin = candidate(provider.url) if third_party(provider) else provider
    planned = plan(twin, model, Memory(detected=detected.format))
    chat, v1 = (seen.get(name, Seen()) for name in ("chat_completions", "responses_v1"))
    responses_only = is_responses_only(chat.status, chat.text)
    name = rules.recommended(planned, detected.format, probes, responses_only=responses_only)
    return Verification(
        url=provider.url,
        model=model,
        detected=detected.format,
        recommended=name,
        recommended_url=rules.recommended_url(name, provider.url, probes, detected.url),
        candidates=planned.candidates,
        source=planned.source,
        responses_only=responses_only,
        chat_error=rules.chat_error(chat.text, model),
        responses_status=rules.responses_status(v1.text, model),
        probes=tuple(probes.items()),
        profile=rules.capability_profile(name, provider, responses_only=responses_only),
    )
