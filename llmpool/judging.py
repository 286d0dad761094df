"""How hard a query is: the score of `router.difficulty` with the weights that ship; loaded only if asked."""

from __future__ import annotations

from llmpool.core.routing import RouteRequest
from llmpool.data.difficulty import weights
from llmpool.router.difficulty import Difficulty, score


def difficulty(query: str) -> Difficulty:
    """Judge how hard a query is, and what makes it so."""
    return score(query, weights())


def judged(request: RouteRequest) -> RouteRequest:
    """Return *request* with how hard its query is."""
    return request.replace(difficulty=difficulty(request.query).value)
