"""MIMIC-III 1.4: its files as the views that MIMIC-IV's files give."""
