"""A teacher with low-rank adapters, and the small student that learns from it."""
