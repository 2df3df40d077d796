"""Distil an LLM teacher into a small student."""
