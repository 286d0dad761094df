"""Data that ships with llmpool, each file with one reader, mostly here; presets have theirs in `config`."""
