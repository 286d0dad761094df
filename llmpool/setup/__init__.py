"""What changes the pool: first set-up, providers, models on disk."""
