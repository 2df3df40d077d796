"""One recipe by itself: its metrics, their bootstrap draws, its curves."""
