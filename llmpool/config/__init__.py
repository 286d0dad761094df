"""The owner's `config.toml`: where it is, what it says, and the presets it builds on."""
