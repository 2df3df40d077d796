"""Boosted trees as plain arrays: what prediction needs of a fitted HistGradientBoostingClassifier.

skops would write several files a tree and one a feature, which for 25 labels took three times as
long as training, and refuses to trust the trees when it reads them back. These arrays hold no code,
and predict to the last bit what the estimator predicts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier

NODES = ("feature", "threshold", "missing_left", "left", "right", "value", "leaf")


@dataclass(frozen=True)
class BoostedTrees:
    """The trees of one model, node after node.

    first (n_trees + 1,): where each tree's nodes begin; trees of one iteration stand side by side.
    feature, threshold, missing_left, left, right, value, leaf (n_nodes,): a row goes left where its
    feature is at most `threshold`, or missing and `missing_left`; `left` and `right` count from the
    tree's first node; `value` is what a leaf adds.
    baseline (n_scores,): raw score before any tree; one for two classes, else one a class.
    classes_ (n_classes,): class numbers.
    """

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    leaf: np.ndarray
    baseline: np.ndarray
    classes_: np.ndarray

    @classmethod
    def of(cls, model: HistGradientBoostingClassifier, *, columns: np.ndarray) -> BoostedTrees:
        """The trees of `model`, fitted on `columns` of the features that will be given."""
        trees = [tree.nodes for iteration in model._predictors for tree in iteration]
        nodes = np.concatenate(trees)
        return cls(
            first=np.cumsum([0, *(len(tree) for tree in trees)]),
            feature=columns[nodes["feature_idx"]],
            threshold=nodes["num_threshold"].copy(),
            missing_left=nodes["missing_go_to_left"].astype(np.uint8),
            left=nodes["left"].astype(np.int32),
            right=nodes["right"].astype(np.int32),
            value=nodes["value"].copy(),
            leaf=nodes["is_leaf"].astype(np.uint8),
            baseline=np.ravel(model._baseline_prediction),
            classes_=np.asarray(model.classes_, dtype=np.int64),
        )

    @classmethod
    def mean(cls, models: Sequence[BoostedTrees]) -> BoostedTrees:
        """All trees of `models` of the same classes as one model, whose raw score is their mean."""

        def joined(part: str) -> np.ndarray:
            return np.concatenate([getattr(model, part) for model in models])

        before = np.cumsum([0, *(model.first[-1] for model in models)])  # nodes
        begins = [model.first[:-1] + shift for model, shift in zip(models, before, strict=False)]
        return cls(
            first=np.concatenate([*begins, before[-1:]]),
            **{part: joined(part) for part in NODES if part != "value"},
            value=joined("value") / len(models),
            baseline=np.mean([model.baseline for model in models], axis=0),
            classes_=models[0].classes_,
        )

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """features (n, n_features), nan where missing -> probabilities (n, n_classes)."""
        raw = np.tile(self.baseline, (len(features), 1))  # (n, n_scores)
        for tree in range(len(self.first) - 1):
            raw[:, tree % len(self.baseline)] += self._tree(features, tree)
        if len(self.baseline) == 1:
            p = expit(raw)
            return np.concatenate([1 - p, p], axis=1)  # (n, 1) -> (n, 2)
        grown = np.exp(raw - raw.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def _tree(self, features: np.ndarray, tree: int) -> np.ndarray:
        """What one tree adds to each row, (n,)."""
        first = self.first[tree]
        node = np.full(len(features), first)
        moving = np.flatnonzero(self.leaf[node] == 0)
        while len(moving):
            here = node[moving]
            x = features[moving, self.feature[here]]
            left = np.where(np.isnan(x), self.missing_left[here] == 1, x <= self.threshold[here])
            node[moving] = first + np.where(left, self.left[here], self.right[here])
            moving = moving[self.leaf[node[moving]] == 0]
        return self.value[node]


Models = Mapping[str, BoostedTrees | float]


def save_trees(models: Models, columns: list[str], path: Path) -> None:
    """Write named models (a float is a constant probability) and their features' names."""
    arrays = {
        f"{name}/{part}": array
        for name, model in models.items()
        for part, array in _arrays(model).items()
    }
    # one entry: the format does not keep the order of several
    about = {"about": json.dumps({"columns": columns, "models": list(models)})}
    save_file(arrays, path, metadata=about)


def load_trees(path: Path) -> tuple[dict[str, BoostedTrees | float], list[str]]:
    """What `save_trees` wrote: the models and their features' names."""
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["about"])
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    models: dict[str, BoostedTrees | float] = {}
    for name in about["models"]:
        if f"{name}/constant" in arrays:
            models[name] = float(arrays[f"{name}/constant"][0])
        else:
            parts = {field.name: arrays[f"{name}/{field.name}"] for field in fields(BoostedTrees)}
            models[name] = BoostedTrees(**parts)
    return models, about["columns"]


def _arrays(model: BoostedTrees | float) -> dict[str, np.ndarray]:
    if not isinstance(model, BoostedTrees):
        return {"constant": np.array([model], dtype=np.float64)}
    return {field.name: getattr(model, field.name) for field in fields(model)}
