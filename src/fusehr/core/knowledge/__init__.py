"""General medical facts as tables of names, and their typed loaders; no source's own data."""
