"""What was used and what may be: records and their sums, rate limits, budgets, trials; all pure."""
