"""What a recipe tells of the tokens that its predictions of a few test samples rest on."""

from __future__ import annotations

from fusehr.core.frame.schemas import FLOAT, INT, TASK_RULE, TEXT, Column, Table

EXPLANATIONS = Table(
    "explanations",
    (
        Column("task", TEXT, rule=TASK_RULE),
        Column("sample_id", TEXT),
        Column("class", TEXT),
        Column("modality", TEXT),
        Column("token", INT, rule="token >= 0", doc="place among the sample's own tokens"),
        Column(
            "attention",
            FLOAT,
            null=True,
            rule="attention BETWEEN 0 AND 1.000001",
            doc="weight in pooling, the same for each class; null: not attended to",
        ),
        Column(
            "integrated_gradients",
            FLOAT,
            rule="isfinite(integrated_gradients)",
            doc="what the token adds to the class's logit, against a zero token",
        ),
    ),
    sort=("task", "sample_id", "class", "modality", "token"),
    unique=("task", "sample_id", "class", "modality", "token"),
)
