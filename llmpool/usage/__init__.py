"""Aggregation of usage records; pure."""
