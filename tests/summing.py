"""Add up blocks of usage in one go, as a test has them; the program takes each as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from llmpool.usage.rollup import Days, Who
from llmpool.usage.summary import Groups, Summary


def summarize(
    blocks: Iterable[Days],
    by: Sequence[str],
    wanted: Callable[[Who], bool] | None = None,
) -> tuple[Summary, list[Summary]]:
    """Add up *blocks*: the total, and one summary a group of what *by* names.

    Groups of time come in order, others the dearest first, then the busiest. *wanted* takes some cells only.
    """
    groups = Groups(by, wanted)
    for days in blocks:
        groups.add(days)
    return groups.summaries()
