"""A flat table: a row a case, with a narrative and a label."""
