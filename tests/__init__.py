"""The tests of llmpool; each test's docstring is a promise of the program."""
