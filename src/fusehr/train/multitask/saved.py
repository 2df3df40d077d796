"""What networks over several tasks need to predict new samples: weights, columns and their scale.

Everything is in one safetensors file; names of columns are JSON in its metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fusehr.core.frame.errors import InputError
from fusehr.models.networks.inputs.series import SeriesScaler
from fusehr.train.engine.contract import Modality
from fusehr.train.multitask.inputs import Columns, Common
from fusehr.train.tabular.matrix import Matrix

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """The columns that a task's matrix had in training, in their order, without the values.

    counts: bool (n_columns,), where nothing is 0; elsewhere it is nan.
    """

    columns: tuple[str, ...]
    counts: np.ndarray
    modalities: tuple[Modality | None, ...]

    @classmethod
    def of(cls, matrix: Matrix) -> Layout:
        """That of `matrix`."""
        return cls(matrix.columns, matrix.absent == 0, matrix.modalities)

    def arranged(self, matrix: Matrix) -> Matrix:
        """`matrix`, of any samples, in these columns: those unknown here are left out, those that
        it lacks hold nothing."""
        absent = np.where(self.counts, 0.0, np.nan)
        values = np.tile(absent, (len(matrix.values), 1))
        place = {name: k for k, name in enumerate(matrix.columns)}
        known = [k for k, name in enumerate(self.columns) if name in place]
        values[:, known] = matrix.values[:, [place[self.columns[k]] for k in known]]
        return Matrix(values, self.columns, absent, self.modalities)


@dataclass(frozen=True)
class Saved:
    """One task's fit. members: the weights of each network of the ensemble, that of all tasks."""

    layout: Layout
    common: Common
    members: Sequence[Weights]

    def save(self, path: Path) -> None:
        """Write it to `path`."""
        state = {
            f"member{k}.{name}": value
            for k, weights in enumerate(self.members)
            for name, value in weights.items()
        }
        about = {
            "columns": list(self.layout.columns),
            "counts": self.layout.counts.tolist(),
            "modalities": list(self.layout.modalities),
            "members": len(self.members),
            # a list, as the networks were built in this order
            "read": [[name, list(one.names)] for name, one in self.common.columns.items()],
        }
        # one entry: the format does not keep the order of several
        metadata = {"about": json.dumps(about)}
        save_file({**state, **self.common.state()}, path, metadata=metadata)

    @classmethod
    def load(cls, path: Path) -> Saved:
        """What `save` wrote; InputError where there is none."""
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["about"])
                tensors: Weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError):
            raise InputError(
                f"{path}: expected networks with the names of their columns, found none; "
                "run `dvc repro` to train them"
            ) from None
        layout = Layout(
            tuple(about["columns"]), np.array(about["counts"], bool), tuple(about["modalities"])
        )
        members = [
            {
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
            for prefix in (f"member{k}." for k in range(about["members"]))
        ]
        return cls(layout, _common(about["read"], tensors), members)


def _common(read: Any, tensors: Weights) -> Common:
    columns = {
        str(name): Columns(
            tuple(names), tensors[f"{name}.mean"].numpy(), tensors[f"{name}.scale"].numpy()
        )
        for name, names in read
    }
    scaler = None
    if "series.mean" in tensors:
        scaler = SeriesScaler(tensors["series.mean"].numpy(), tensors["series.std"].numpy())
    return Common(columns, scaler)
