"""Get a provider's listing: in the format it is known to speak, else in whichever one answers.

The chain for an unknown address is that of pool-routing-formats 6.4 (OpenAI, Ollama, LiteLLM, 8 seconds
each), with three more protocols in it. It sends no prompt: finding out what a server is costs no tokens.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from llmpool.formats.base import Listing
from llmpool.net.client import Client
from llmpool.router.failure import contact_kind

STEP_SECONDS = 8.0
# Ollama and LM Studio answer as OpenAI too, but know more of themselves in their own words; on a machine of
# one's own they are asked first.
NEARBY = ("ollama", "lmstudio", "openai", "anthropic", "google", "litellm")
FAR = ("openai", "ollama", "anthropic", "google", "litellm")
_TELLING = ("auth", "quota", "rate_limit", "overloaded", "server")


class Found(NamedTuple):
    """A listing and the format it came in; `openai` tells little about how a server wants to be talked to."""

    format: str
    listing: Listing


def known(client: Client, target: Target, name: str, seconds: float) -> Found:
    """List in the format *name*; raises UpstreamError."""
    return Found(name, client.run(wire_format(name).list_models(target), within=seconds))


def first_that_answers(client: Client, target: Target, *, nearby: bool, seconds: float) -> Found:
    """Try one protocol after the other until one has a model; raises UpstreamError saying what each did."""
    end = time.monotonic() + seconds
    failures: dict[str, Failure] = {}
    empty: Found | None = None
    for name in NEARBY if nearby else FAR:
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            found = _step(client, target, name, min(STEP_SECONDS, left))
        except UpstreamError as error:
            failures[name] = error.failure
            if contact_kind(error.failure) in ("connect", "cancelled") or error.failure.code == "redirect":
                break  # nobody is there, in whatever language, or somewhere else
            continue
        if found.listing.models:
            return found
        empty = empty or found
    if empty is not None:
        return empty
    raise UpstreamError(_why(failures))


def _step(client: Client, target: Target, name: str, seconds: float) -> Found:
    if name == "litellm":
        from llmpool.formats.litellm_listing import litellm_listing

        return Found("openai", client.run(litellm_listing(target), within=seconds))
    found = known(client, target, name, seconds)
    if name == "lmstudio" and not any(model.kind for model in found.listing.models):
        message = "what it lists is no LM Studio's own listing"  # but the one that all others have too
        raise UpstreamError(Failure(kind="wrong_format", message=message))
    return found


def _why(failures: dict[str, Failure]) -> Failure:
    """Say why nothing answered: in the words of the most telling failure, with all of them behind it."""
    redirect = next((f for f in failures.values() if f.code == "redirect"), None)
    if redirect is not None:
        return redirect
    if len(failures) <= 1:
        return next(iter(failures.values()), Failure(kind="timeout", message="nothing answered in time"))
    ranked = sorted(failures.values(), key=lambda f: f.kind not in _TELLING)
    if ranked[0].kind in _TELLING:
        return ranked[0]
    by_words: dict[str, list[str]] = {}
    for name, failure in failures.items():
        by_words.setdefault(failure.told, []).append(name)
    words = "; ".join(f"{', '.join(names)}: {told}" for told, names in by_words.items())
    return ranked[0].replace(message=f"no listing in any format ({words})", status=0)
