"""The words of llmpool: immutable records, standard library only."""
