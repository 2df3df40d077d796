"""Datasets in the Medical Event Data Standard: subjects and their events."""
