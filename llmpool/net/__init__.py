"""The wire: calls go out here and nowhere else."""
