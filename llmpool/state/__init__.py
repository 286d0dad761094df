"""What the program remembers: one directory, one module per file, every change atomic (DESIGN 3.5)."""
