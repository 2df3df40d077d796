"""How recipes do within groups of test patients, and how far the worst group falls behind."""
