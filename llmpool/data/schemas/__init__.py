"""JSON schemas, for editors and for scripts: of `config.toml`, and in `output` of each `--json` document."""

from __future__ import annotations

from pathlib import Path

CONFIG_SCHEMA, OUTPUT = "llmpool.schema.json", "output"


def config_schema() -> Path:
    """Return where the schema of the config is."""
    return Path(__file__).with_name(CONFIG_SCHEMA)


def output_schemas() -> Path:
    """Return the directory with the schemas of documents: `models-list.json` and so on, `error.json`."""
    return Path(__file__).with_name(OUTPUT)
