"""Where a format's paths begin, whatever an owner wrote: a server's root, its `/v1`, or a whole endpoint.

The suffixes are those of pool-routing-formats 9; joins never double `/v1` (DESIGN ruling 14).
"""

from __future__ import annotations

import re

from llmpool.formats.base import join_url

# Longest first: the first that matches is taken off.
ENDPOINTS = (
    "/v1/chat/completions",
    "/chat/completions",
    "/v1/messages",
    "/messages",
    "/v1/models",
    "/models",
    "/v1/responses",
    "/responses",
    "/v1",
)
SUFFIXES = (
    "/anthropic/v1/chat/completions",
    "/anthropic/chat/completions",
    "/anthropic/v1/messages",
    "/anthropic/messages",
    "/anthropic",
    *ENDPOINTS,
)
_AZURE = re.compile(r"https://[a-z0-9-]+\.(openai|cognitiveservices|services\.ai)\.azure\.com", re.IGNORECASE)
_VERSIONED = re.compile(r"/v\d+(beta\d*)?(/openai)?$")


def clean(url: str) -> str:
    """Return *url* without blanks around it and a slash at its end; a query stays."""
    head, mark, query = url.strip().partition("?")
    return head.rstrip("/") + mark + query


def root_of(url: str) -> str:
    """Return the server's root: *url* without the first suffix that names an endpoint."""
    return without(url, *SUFFIXES)


def without(url: str, *suffixes: str) -> str:
    """Return *url* without the first of *suffixes* that ends its path, in any case; a query stays."""
    head, mark, query = clean(url).partition("?")
    found = next((suffix for suffix in suffixes if head.lower().endswith(suffix)), "")
    return head[: len(head) - len(found)] + mark + query


def openai_base(url: str, *, exact: bool) -> str:
    """Return what `/chat/completions`, `/models` and the like are appended to.

    An address that carries no version gets `/v1`, unless it is *exact*: a vendor's own row, say.
    """
    base = without(url, "/chat/completions", "/responses", "/models", "/messages")
    head, mark, query = base.partition("?")
    if _AZURE.fullmatch(head):
        return f"{head}/openai/v1{mark}{query}"  # a customer's host alone: that is where Azure has the API
    return base if exact or _VERSIONED.search(head) else f"{head}/v1{mark}{query}"


def openai_endpoint(url: str, path: str, *, exact: bool) -> str:
    """Return the address of the endpoint at *path*; one that ends in it already is used as it is."""
    given = clean(url)
    if given.partition("?")[0].lower().endswith(path):
        return given
    return join_url(openai_base(given, exact=exact), path)
