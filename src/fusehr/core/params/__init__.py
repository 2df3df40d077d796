"""Typed parameters: one module per block of params.yaml, and the loader that checks them."""
