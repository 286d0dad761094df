"""The promises of the README's security section, each attacked as somebody hostile would."""
