"""What the teachers make of texts whose patients they never saw."""
