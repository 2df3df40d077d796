"""The availability gate: the one way from tables to a sample's input."""
