"""Every target there is."""

from __future__ import annotations

from functools import cache

from tests.fuzz import (
    answer_targets,
    argument_targets,
    beside_targets,
    command_targets,
    data_targets,
    database_targets,
    environment_targets,
    file_targets,
    licence_targets,
    login_targets,
    served_targets,
    state_targets,
    wire_targets,
)
from tests.fuzz.promise import Target


@cache
def targets() -> list[Target]:
    """List the targets of every kind."""
    return [
        *wire_targets.TARGETS,
        *answer_targets.TARGETS,
        *login_targets.TARGETS,
        *data_targets.TARGETS,
        *database_targets.TARGETS,
        *state_targets.targets(),
        *command_targets.targets(),
        *served_targets.TARGETS,
        *beside_targets.TARGETS,
        *file_targets.targets(),
        *licence_targets.TARGETS,
        *argument_targets.TARGETS,
        *environment_targets.TARGETS,
    ]
