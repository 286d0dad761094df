"""What a config may say that this version reads and checks but does not act on yet."""

from __future__ import annotations

from llmpool.core.config import Config, Routing


def not_yet(config: Config) -> list[str]:
    """Name every such setting of *config*, so that nobody relies on it; empty when all of it is in force."""
    tables: dict[str, object] = {
        '[routing] strategy: "value" is refused': config.routing.strategy == "value",
        "[routing] quality_target: there is no difficulty score": (
            config.routing.quality_target != Routing().quality_target
        ),
        "[templates]: there is no -t": config.templates,
    }
    return [text for text, given in tables.items() if given]
