"""Typed parameters: one module per block of params.yaml."""
