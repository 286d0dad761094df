"""The terminal: parse, one call, render."""
