"""The registry as one immutable value with a generation number, and the catalog it starts from."""

from __future__ import annotations

from llmpool.core.config import Config
from llmpool.core.deployment import DeclaredModel, Deployment
from llmpool.core.provider import Provider
from llmpool.core.record import Record


class Catalog(Record):
    """What the config and the presets declare, normalised; providers in id order."""

    config: Config
    providers: tuple[Provider, ...]
    models: tuple[DeclaredModel, ...]


class Registry(Record):
    """Catalog, inventory and policy as one value; deployments in id order."""

    generation: int
    catalog: Catalog
    deployments: tuple[Deployment, ...]
    aliases: dict[str, str]
