"""Getting an answer: the failover loop, its record, and sessions."""
