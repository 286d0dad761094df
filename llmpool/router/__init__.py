"""Which deployment answers, and why: pure rules over rows, facts and a request."""
