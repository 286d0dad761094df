"""Verify an endpoint: what answers at which path, whether the key works, which format to use.

pool-routing-formats 9. Differences from the source: a vendor's own row is taken at its word instead of being
detected; formats with a listing of their own (Ollama, Google and the like), detected or named by the owner,
are asked for that, and servers that may load a model for a question get none; a 400 that speaks of the key is
a refused key; a page is no endpoint anywhere, and an error with status 200 no answer; chat without `/v1` is
looked for where it is not under `/v1`; and a preset whose own listing is not at the owner's address is set
aside for what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmpool.config import addresses
from llmpool.config.problems import Problem, Spot
from llmpool.core.names import fits
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Call, Target
from llmpool.discovery import verify_rules as rules
from llmpool.discovery.detect import Detected, Seen, detect, exists, is_page, look_at, look_at_all
from llmpool.discovery.detect_calls import LIMITS, MOST_OF_A_LISTING, ask, headers_for, look
from llmpool.discovery.verify_rules import Probe, Urls, Verification
from llmpool.errors import Misuse
from llmpool.formats import wire_format
from llmpool.formats.base import shown
from llmpool.formats.errors import is_responses_only, read_error
from llmpool.formats.families import NATIVE, third_party
from llmpool.formats.plan import Memory, endpoint_lock, plan
from llmpool.formats.urls import clean, openai_endpoint
from llmpool.net.address import host_of
from llmpool.net.client import Client

Progress = Callable[[str], None]
_PAGE = "answered HTML"
_CHAT = ("chat_completions", "responses_v1", "responses_plain")
_LISTED = (*NATIVE, "google")  # formats with a listing of their own
_UNDETECTABLE = ("cloudcode", "copilot")
_TRIED_LISTINGS = 3
_NOT_THERE = (400, 404, 405, 410, 501)
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
    named = detected.format if detected.format in _LISTED else provider.format
    if named in _LISTED:
        progress("asking for its own listing")
        probes["listing"] = _own_listing(client, target, named)
        if not _is_elsewhere(probes["listing"]):
            detected = Detected(named)  # the owner's word stands, unless something else is there
        if _is_another(provider, probes["listing"]):
            return _without_preset(client, provider, target, probes["listing"], model, progress)
    if not _takes_no_question(provider, detected.format):
        asking = _Asking(client, provider, target, progress)
        seen["models"] = asking.models(detected.format)
        model, answers = asking.questions(model, seen["models"])
        seen |= answers
        probes |= {name: _probe(asking.where, name, each) for name, each in seen.items()}
    return _judged(provider, model, detected, seen, probes)


def _is_another(provider: Provider, listing: Probe) -> bool:
    """Say whether the program the preset stands for is not, or no longer, at an address of the owner's."""
    if third_party(provider) or provider.exact or provider.format in (*_UNDETECTABLE, "google"):
        return False
    return _is_elsewhere(listing)


def _is_elsewhere(listing: Probe) -> bool:
    """Say whether what answers is no listing of the format: a busy server and a refused key tell nothing."""
    wrong = 200 <= listing.status < 300 and not listing.reachable
    return wrong or (listing.status in _NOT_THERE and not listing.refused)


def _without_preset(  # noqa: PLR0917 - what a verification takes, and the listing that was not there
    client: Client, provider: Provider, target: Target, listing: Probe, model: str, progress: Progress
) -> Verification:
    """Verify an address as if no preset had been named for it."""
    bare = provider.replace(preset="", format="", format_mode="")
    found = verify(client, bare, target, model=model, progress=progress)
    probes = (("listing", listing._replace(reachable=False)), *found.probes)
    if not found.there:
        return found.replace(probes=probes, recommended=provider.format)
    return found.replace(probes=probes, misfit=provider.preset)


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
        self._url = provider.url
        self._client = client
        self._target = target
        self._max_tokens = provider.max_tokens_field
        self._allowed = provider.allowed_models
        self._progress = progress

    def models(self, detected: str) -> Seen:
        """List the models; who speaks Anthropic's protocol wants the key in its own way here too."""
        self._progress("listing models")
        call = look(self._target, self.where.models)
        if detected == "anthropic":
            key = headers_for(self._target, "anthropic")
            call = call.replace(headers=(("accept", "application/json"), *key))
        seen, plain = look_at(self._client, call), self._plain("/models")
        if plain != self.where.models and _is_missing(seen):
            other = look_at(self._client, call.replace(url=plain))
            if other.good and exists("openai", other):
                self.where = self.where._replace(models=plain)
                return other
        return seen

    def questions(self, wanted: str, models: Seen) -> tuple[str, dict[str, Seen]]:
        """Ask with one model after the other until one exists; return it, and what each endpoint said."""
        body = models.answer.body.decode("utf-8", "replace") if models.answer and models.good else ""
        model, seen = "", [Seen()]
        for model in rules.models_to_try(wanted, self._permitted(rules.listed_models(body))):
            self._progress(f"asking {model}" if model else "asking without a model")
            seen = self._elsewhere(model, look_at_all(self._client, self._calls(model)))
            if not model or not all(rules.is_unknown_model(each.status, each.text) for each in seen):
                break
        answers = dict(zip(_CHAT, seen, strict=True))
        return model, answers | {"anthropic_messages": look_at(self._client, self._message(model))}

    def _permitted(self, listed: list[str]) -> list[str]:
        """Leave out what its owner does not let be asked (`allowed_models`), and pays for all the same."""
        return [
            name
            for name in listed
            if not self._allowed or any(fits(name, pattern) for pattern in self._allowed)
        ]

    def _elsewhere(self, model: str, seen: list[Seen]) -> list[Seen]:
        """Ask for chat without `/v1` where there is none under it, and go on asking there if it answers."""
        plain = self._plain("/chat/completions")
        if plain == self.where.chat or not _is_missing(seen[0]):
            return seen
        before, self.where = self.where, self.where._replace(chat=plain)
        chat = look_at(self._client, self._calls(model)[0])
        if exists("openai", chat) and (rules.is_reachable(chat.status) or chat.status == 404):
            return [chat, *seen[1:]]
        self.where = before
        return seen

    def _plain(self, path: str) -> str:
        """Return the endpoint at *path* with no version put ahead of it."""
        return openai_endpoint(self._url, path, exact=True)

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


def _is_missing(seen: Seen) -> bool:
    """Say whether an answer shows that nothing is at its path; a model that is not there is another thing."""
    return (seen.status in (404, 410) or seen.good) and not exists("openai", seen)


def _own_listing(client: Client, target: Target, name: str) -> Probe:
    """Ask for the listing of the format itself, its older paths too; only its first page is fetched."""
    flow = wire_format(name).list_models(target)
    url, seen, wrong = target.url, Seen(), None
    try:
        call = next(flow)
        for _ in range(_TRIED_LISTINGS):
            url, seen = call.url, look_at(client, call.replace(timeouts=LIMITS, max_bytes=MOST_OF_A_LISTING))
            if seen.answer is None:
                break
            call = flow.send(seen.answer)
            if seen.good and exists(name, seen):
                break  # what it would ask further explains the models, and is not asked here
    except StopIteration:
        pass
    except UpstreamError as error:
        wrong = error.failure
    finally:
        flow.close()
    if wrong is None or not seen.good:
        return _read(url, seen)
    refused, words = wrong.kind == "auth", shown(wrong.message, rules.MOST_ERROR)
    return Probe(url, wrong.status or seen.status, refused, refused, words)


def _probe(where: Urls, name: str, seen: Seen) -> Probe:
    url = getattr(where, {"chat_completions": "chat", "anthropic_messages": "anthropic"}.get(name, name))
    probe = _read(url, seen)
    if name.startswith("responses") and is_page(seen.text):
        return probe._replace(reachable=False, error=_PAGE)
    return probe


def _read(url: str, seen: Seen) -> Probe:
    """Say what an answer means for the endpoint at *url*."""
    if seen.answer is None:
        failure = seen.failure or Failure(kind="unusable", message="nothing was asked")
        return Probe(url, error=_words(url, failure))
    if seen.good and not exists("openai", seen):
        said = _PAGE if is_page(seen.text) else shown(read_error(seen.answer).message, rules.MOST_ERROR)
        return Probe(url, seen.status, error=said)
    instead = rules.said_instead(seen.text) if seen.good else None
    if instead is not None:
        error = shown(instead.message, rules.MOST_ERROR)
        return Probe(url, instead.status or seen.status, True, instead.kind == "auth", error)
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
