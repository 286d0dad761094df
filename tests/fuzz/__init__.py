"""Hostile input: valid documents, mutated in every way, given to everything that reads one.

`plan.py` says what a mutation is, `trees.py` and `bytewise.py` carry it out, `promise.py` is what must hold
of every reader, and each `*_targets.py` names readers with the documents they start from. `test_quick.py`
tries a few examples of each, more where slow tests run, and thousands with `LONG=1`; `corpus.py` has what was
found. The same examples each time; others by hand, for as long as you like:

    python -m tests.fuzz --minutes 20 [TARGET...]
"""
