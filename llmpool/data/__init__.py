"""Data that ships with llmpool; each file has one reader, and no code lives here."""
