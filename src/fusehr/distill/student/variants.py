"""Ways of training a student that are compared with each other; see params.yaml."""

from __future__ import annotations

from dataclasses import dataclass

from fusehr.core.params.distill import StudentParams, Variant
from fusehr.models.distilled.losses import Weights


@dataclass(frozen=True)
class Way:
    """unlabelled: visits without a next one enter; permuted: soft labels are another text's."""

    weights: Weights
    unlabelled: bool
    permuted: bool


def way_of(variant: Variant, params: StudentParams, alpha: float) -> Way:
    """What `variant` is trained on, with `alpha` as the weight of hard labels."""
    kind, _, suffix = variant.partition("_")
    soft = kind in ("logits", "full", "permuted")
    attention = params.attention if kind in ("attention", "full", "permuted") else None
    weights = Weights(
        alpha=alpha,
        temperature=params.temperature,
        soft=soft,
        token=attention.token if attention else 0.0,
        section=attention.section if attention else 0.0,
        patient=attention.patient if attention else 0.0,
        smoothing=params.smoothing if kind == "smoothed" else 0.0,
    )
    # the control differs from the student that is served by its soft labels alone
    permuted = kind == "permuted"
    return Way(weights, unlabelled=suffix == "unlabelled" or permuted, permuted=permuted)
