"""Values of a sample that are far from what train samples have, in words."""
