"""What `evaluate-score` writes for one recipe and `evaluate` reads: data/evaluate/<recipe>/.

`task` and `variant` name the condition; `class` the scope of a number: a class, `macro`, `micro` or
`all`. A value that does not exist is null and `reason` says why.
"""

from __future__ import annotations

from fusehr.core.frame.schemas import FLAG, FLOAT, INT, TASK_RULE, TEXT, Column, Table

CONDITION = (Column("task", TEXT, rule=TASK_RULE), Column("variant", TEXT))
KEY = ("task", "variant", "class")

SUPPORT = (
    Column("n", INT, doc="samples"),
    Column("n_patients", INT),
    Column("n_positive", INT, doc="positive samples, summed over the classes of the scope"),
    Column("positive_patients", INT, doc="patients with a positive sample"),
    Column("negative_patients", INT, doc="patients with a negative sample"),
)

FULL = "full"  # the variant in which nothing is withheld
WITHOUT = "without_"  # before the name of the source that another variant withholds

# Scopes that speak for a task as a whole: the one class of a binary task, the mean over classes,
# and what only exists for exclusive classes together.
HEADLINE = ("positive", "macro", "all")

# 95 % percentile intervals.
INTERVAL = (0.025, 0.975)

# Metrics that models are compared on; all their draws are kept.
BOARD = ("auroc", "auprc", "min_p_se", "brier", "f1_weighted")

POINTS = Table(
    "points",
    (
        *CONDITION,
        Column("seed", INT),
        Column("class", TEXT),
        Column("metric", TEXT),
        Column("value", FLOAT, null=True),
        *SUPPORT,
        Column("reason", TEXT),
    ),
    sort=("task", "variant", "seed", "class", "metric"),
    unique=("task", "variant", "seed", "class", "metric"),
)

INTERVALS = Table(
    "intervals",
    (
        *CONDITION,
        Column("class", TEXT),
        Column("metric", TEXT),
        Column("value", FLOAT, null=True, doc="mean over seeds"),
        Column("low", FLOAT, null=True, doc="2.5 % quantile of the draws, each a mean over seeds"),
        Column("high", FLOAT, null=True, doc="97.5 % quantile"),
        *SUPPORT,
        Column("draws", INT),
        Column("undefined_draws", INT, doc="draws without a value, left out of the quantiles"),
        Column("seeds", TEXT, doc="training seeds averaged over, separated by spaces"),
        Column("reason", TEXT),
    ),
    sort=("task", "variant", "class", "metric"),
    unique=("task", "variant", "class", "metric"),
)

DRAWS = Table(
    "draws",
    (
        *CONDITION,
        Column("draw", INT),
        *(Column(metric, FLOAT, null=True, doc="of the task as a whole") for metric in BOARD),
    ),
    sort=("task", "variant", "draw"),
    unique=("task", "variant", "draw"),
)

LABELS = Table(
    "labels",
    (
        *CONDITION,
        Column("class", TEXT),
        *SUPPORT,
        Column("kept", FLAG, doc="enters macro and micro averages"),
        Column("digest", TEXT, doc="of the condition's test samples and labels"),
        Column("split_sha", TEXT),
    ),
    sort=KEY,
    unique=KEY,
)

CURVES = Table(
    "curves",
    (
        *CONDITION,
        Column("class", TEXT),
        Column("curve", TEXT, rule="curve IN ('roc', 'pr')"),
        Column("x", FLOAT, doc="false-positive rate, or sensitivity"),
        Column("y", FLOAT, null=True, doc="sensitivity, or precision; mean over seeds"),
    ),
    sort=("task", "variant", "class", "curve", "x"),
    unique=("task", "variant", "class", "curve", "x"),
)

CALIBRATION = Table(
    "calibration",
    (
        *CONDITION,
        Column("class", TEXT),
        Column("probabilities", TEXT, rule="probabilities IN ('raw', 'recalibrated')"),
        Column("bin", INT),
        Column("predicted", FLOAT),
        Column("observed", FLOAT),
        Column("n", INT),
        Column("n_positive", INT),
    ),
    sort=("task", "variant", "class", "probabilities", "bin"),
    unique=("task", "variant", "class", "probabilities", "bin"),
)

CONFUSION = Table(
    "confusion",
    (
        *CONDITION,
        Column("seed", INT),
        Column("truth", TEXT),
        Column("predicted", TEXT),
        Column("n", INT),
    ),
    sort=("task", "variant", "seed", "truth", "predicted"),
    unique=("task", "variant", "seed", "truth", "predicted"),
)

TABLES = (POINTS, INTERVALS, DRAWS, LABELS, CURVES, CALIBRATION, CONFUSION)
