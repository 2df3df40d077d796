"""Fit students on hard labels, soft labels and attention, in several ways that are compared."""
