"""What exists: catalog, merge, name rules, resolution and the compiled registry, all pure."""
