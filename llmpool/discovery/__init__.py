"""Asking providers what they have."""
