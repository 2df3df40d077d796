"""Room train: every recipe, from tables to predictions."""
