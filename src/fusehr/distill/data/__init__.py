"""Instruction data: what is known of a sample in words, the question, and its answer."""
