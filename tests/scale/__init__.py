"""What a large log may cost: files that are opened, and what is held of them, rather than time."""
