"""Why a network predicts what it does of a few samples: attention, attributions, heat maps.

Attention is not contribution (see fusehr.models.networks.explain), so both are given: a token can
be attended to and change nothing, and one that lowers the logit is attended to as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from fusehr.core.explanation_schemas import EXPLANATIONS
from fusehr.core.frame.errors import InputError
from fusehr.models.networks.explain import Attends, SeesPictures, integrated_gradients
from fusehr.train.engine.explained import Explained
from fusehr.train.engine.neural import NeuralFitted


def explain_fit(fitted: NeuralFitted, rows: np.ndarray, *, steps: int) -> Explained:
    """Everything that can be said of the samples at `rows` and all classes of their task.

    steps: of integrated gradients.
    """
    classes = fitted.of.samples.classes
    return Explained(explain(fitted, rows, classes, steps=steps), class_maps(fitted, rows, classes))


def explain(
    fitted: NeuralFitted, rows: np.ndarray, classes: Sequence[str], *, steps: int
) -> pd.DataFrame:
    """Columns of EXPLANATIONS, a row for each token that a sample at `rows` has, and class.

    attention is null where the network does not attend to the modality's tokens, and the same for
    every class; integrated_gradients is what the token adds to the class's logit, in `steps` steps
    from tokens of zeros. Raises InputError where a class is none of the task's.
    """
    batch = fitted.inputs.batch(torch.from_numpy(rows))
    network = fitted.network.eval()
    with torch.no_grad():
        attended = network.attend(batch) if isinstance(network, Attends) else {}
    sample_ids = fitted.of.samples.samples["sample_id"].to_numpy()[rows]
    frames: list[pd.DataFrame] = []
    for name in classes:
        given = integrated_gradients(network, batch, _index(fitted, name), steps)
        for modality, tokens in batch.tokens.items():
            sample, token = tokens.mask.numpy().nonzero()
            weights = attended.get(modality)
            frames.append(
                pd.DataFrame(
                    {
                        "sample_id": sample_ids[sample],
                        "class": name,
                        "modality": modality,
                        "token": token,
                        "attention": np.nan if weights is None else weights.numpy()[sample, token],
                        "integrated_gradients": given[modality].numpy()[sample, token],
                    }
                )
            )
    table = pd.concat(frames, ignore_index=True).assign(task=fitted.of.samples.task)
    exact = {"attention": np.float64, "integrated_gradients": np.float64}
    return table.astype(exact)[[column.name for column in EXPLANATIONS.columns]]


def class_maps(
    fitted: NeuralFitted, rows: np.ndarray, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Grad-CAM of `classes`, float32 (n_classes, h, w) from 0 to 1, under `<task>/<sample_id>`.

    Of the samples at `rows` that have an image; none where the network sees no pixels. Raises
    InputError where a class is none of the task's.
    """
    network = fitted.network
    if not isinstance(network, SeesPictures):
        return {}
    batch = fitted.inputs.batch(torch.from_numpy(rows))
    found = [network.grad_cam(batch, _index(fitted, name)) for name in classes]
    maps = [one.numpy() for one in found if one is not None]
    if not maps:
        return {}
    samples = fitted.of.samples
    sample_ids = samples.samples["sample_id"].to_numpy()[rows]
    seen = np.stack(maps, axis=1)  # (n_rows, n_classes, h, w)
    present = batch["images"].present.tolist()
    return {
        f"{samples.task}/{sample_id}": one
        for sample_id, one, there in zip(sample_ids, seen, present, strict=True)
        if there
    }


def _index(fitted: NeuralFitted, name: str) -> int:
    classes = fitted.of.samples.classes
    if name not in classes:
        raise InputError(
            f"{fitted.of.samples.task}: expected one of its classes, {', '.join(classes)}, "
            f"found {name!r}"
        )
    return classes.index(name)
