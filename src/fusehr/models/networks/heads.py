"""Layers between a fused vector and logits.

Losses are on logits, so binary, multilabel and multiclass heads are the same linear layer, which a
network holds as `last`; what differs among them is in fitting.class_loss and fitting.probabilities.
"""

from __future__ import annotations

from torch import nn


def gelu_head(d_in: int, d_model: int, dropout: float) -> nn.Sequential:
    """EMERGE's hidden layer, (b, d_in) -> (b, d_model), with GELU and dropout; `last` follows."""
    return nn.Sequential(nn.Linear(d_in, d_model), nn.GELU(), nn.Dropout(dropout))
