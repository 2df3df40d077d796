"""Fit teachers: one for each fold of train patients, who never sees them, and one for all."""
