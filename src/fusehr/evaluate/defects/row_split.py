"""Overlapping windows of one stay split by row: the multi-modal LSTM's AUROC of 0.99.

Two windows of one stay share most of their hours and all of their label. Where rows are split at
random, a network that knows the stay again knows the label. Here labels are drawn once a stay, by
themselves: nothing in the vitals tells of them, so what is above 0.5 is recognition.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from einops import rearrange, repeat
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from fusehr.core.frame.errors import InputError
from fusehr.core.gate.availability import attach_events
from fusehr.core.metrics import Array
from fusehr.core.params.defects import DefectsParams
from fusehr.core.seeding import generator, seed_of
from fusehr.evaluate.defects.estimate import Estimator
from fusehr.evaluate.defects.patients import drawn_patients
from fusehr.evaluate.defects.reading import patients_of, task_tables
from fusehr.evaluate.defects.rows import Comparison, Row, skipped
from fusehr.models.networks.fitting import class_loss, predict_logits, settle_torch
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.models.networks.inputs.series import Series, load_bins
from fusehr.models.networks.lstm import SeriesLSTM

NAME = "row_split"
COMPARISON = Comparison(
    defect="overlapping windows of one stay split by row",
    system="Multi-modal LSTM",
    published="lstm_row_split",
    repaired="lstm_vitals",
    published_does="scored on windows left out of the stays that it was fitted on",
    repaired_does="the same network, scored on windows of other patients",
)


def rows(tables: Path, params: DefectsParams, estimator: Estimator) -> list[Row]:
    """Both versions on the first hours of the source's ICU stays."""
    with task_tables(tables, "mortality", ("dynamic",), threads=params.threads) as (con, samples):
        attach_events(con, samples.task)
        hours = load_bins(
            con, len(samples.samples), variables=params.vitals, hours=params.row_split.first_hours
        )
    return compare(hours, patients_of(samples), params, estimator)


def compare(
    hours: Array, patients: Array, params: DefectsParams, estimator: Estimator
) -> list[Row]:
    """One network, fitted on some windows of some stays, scored on the rest and on other people.

    hours: float32 (n_stays, hours, n_variables), nan where not charted; patients: (n_stays,).
    """
    of, seed = params.row_split, params.seed
    share = min(1.0, of.most_patients / max(len(np.unique(patients)), 1))
    used = drawn_patients(patients, share=share, name=f"{NAME}/used", seed=seed)
    hours, patients = hours[used], patients[used]
    known = drawn_patients(patients, share=of.fitted_share, name=NAME, seed=seed)
    rng = generator("defects", NAME, seed)
    labels = (rng.random(len(hours)) < of.positive_share).astype(np.int8)  # (n_stays,)

    windows, stay = overlapping(hours, length=of.window_hours, stride=of.stride_hours)
    of_known = rng.permutation(np.flatnonzero(known[stay]))
    left_out, train = np.split(of_known, [round(of.left_out_share * len(of_known))])
    others = np.flatnonzero(~known[stay])
    if len(train):
        scores = _scores(windows, labels[stay], train, params)
        by_row, by_patient = (
            estimator.auroc(labels[stay[tested], None], scores[tested], patients[stay[tested]])
            for tested in (left_out, others)
        )
    else:
        by_row = by_patient = skipped("no ICU stay of that length to fit on")
    return COMPARISON.rows(
        f"vitals of the source, {of.window_hours} h of them every {of.stride_hours} h; one label a "
        "stay, drawn independently of them",
        "auroc",
        "0.5",
        published=by_row,
        repaired=by_patient,
    )


def overlapping(hours: Array, *, length: int, stride: int) -> tuple[Array, Array]:
    """Windows (n_stays * k, length, v) of hours (n_stays, hours, v), and the stay of each."""
    windows = sliding_window_view(hours, length, axis=1)[:, ::stride]  # (n_stays, k, v, length)
    stay = repeat(np.arange(len(hours)), "n -> (n k)", k=windows.shape[1])
    return rearrange(windows, "n k v length -> (n k) length v"), stay


def _scores(windows: Array, labels: Array, train: Array, params: DefectsParams) -> Array:
    """Logits float32 (n, 1) of all windows, by a network fitted on the rows `train`.

    It is fitted until it knows their labels by heart. A stop at the best validation score would
    come no sooner, as validation windows are split by row too.
    """
    of, seed = params.row_split, params.seed
    settle_torch(threads=params.threads, seed=seed_of("defects", NAME, "weights", seed))
    inputs = FittedInputs(
        {"series": Series(windows, params.clip_share).fit(train)},
        torch.from_numpy(labels.astype(np.float32))[:, None],
    )
    network = SeriesLSTM(
        inputs.widths["series"],
        1,
        d_model=of.d_model,
        layers=of.layers,
        heads=1,
        hidden=of.hidden,
        dropout=of.dropout,
        pooling="last",
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=of.learning_rate)
    order = torch.Generator().manual_seed(seed_of("defects", NAME, "order", seed))
    fitted_on = torch.from_numpy(train)
    for _ in range(of.epochs):
        shuffled = fitted_on[torch.randperm(len(fitted_on), generator=order)]
        total = 0.0
        for batch in shuffled.split(of.batch_size):
            optimiser.zero_grad()
            loss = class_loss(network(inputs.batch(batch)), inputs.labels[batch], exclusive=False)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), of.clip_norm)
            optimiser.step()
            total += loss.item() * len(batch)
        if total / len(fitted_on) < of.enough_loss:
            break
    everything = torch.arange(len(windows))
    scores = predict_logits(network, inputs, everything, batch_size=of.batch_size).numpy()
    if not np.isfinite(scores).all():
        raise InputError(
            "params.yaml: defects.row_split.learning_rate: expected one at which weights stay "
            f"finite, found {of.learning_rate}"
        )
    return scores
