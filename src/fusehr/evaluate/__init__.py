"""Score each recipe alone, then all against each other: numbers, intervals, tables, pictures."""
