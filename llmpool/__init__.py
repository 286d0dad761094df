"""One pool out of a person's scattered LLM endpoints."""

__version__ = "0.1.0"
