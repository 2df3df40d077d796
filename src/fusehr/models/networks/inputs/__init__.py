"""Modalities of a task's samples as tensors, read through the availability gate."""
