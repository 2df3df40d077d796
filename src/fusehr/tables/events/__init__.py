"""Sources that are patients and their events, rather than the tables of a hospital."""
