"""What every served model offers, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fusehr.core.calibration import Calibration
from fusehr.core.frame.tasks import Task
from fusehr.serve.cases.case import Case
from fusehr.train.engine.contract import Modality


@dataclass(frozen=True)
class About:
    """Which model this is.

    recipe: its row of the leaderboard. reads: the parts of a case that it sees; exclusive: a case
    has exactly one of the classes. seed, split_sha: of its training.
    """

    model: str
    recipe: str
    task: Task
    classes: tuple[str, ...]
    exclusive: bool
    reads: tuple[str, ...]
    seed: int
    split_sha: str


@dataclass(frozen=True)
class Recalibration:
    """Logistic recalibration of each class, fitted on validation patients.

    of_class: None where the model's own validation predictions are not to be had.
    """

    of_class: tuple[Calibration, ...] | None
    exclusive: bool

    def apply(self, p: np.ndarray) -> np.ndarray | None:
        """p (n, n_classes) recalibrated; exclusive classes are scaled to sum to 1."""
        if self.of_class is None:
            return None
        columns = [one.apply(p[:, k]) for k, one in enumerate(self.of_class)]
        found = np.stack(columns, axis=1)
        return found / found.sum(axis=1, keepdims=True) if self.exclusive else found


class Predictor(Protocol):
    """A trained model of one task.

    A case is prepared first, by any thread; prepared cases are then predicted, by one thread at a
    time, as many at once as one likes.
    """

    @property
    def about(self) -> About:
        """Which model this is."""
        ...

    @property
    def recalibration(self) -> Recalibration:
        """What makes its probabilities calibrated."""
        ...

    def prepare(self, case: Case) -> Any:
        """`case` ready to be predicted; InputError where the model cannot read it."""
        ...

    def predict(self, prepared: Sequence[Any], without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities float64 (n, n_classes) as the model gives them, uncalibrated.

        None depends on the other cases. Modalities in `without` are taken as not recorded.
        """
        ...

    def predict_without(
        self, prepared: Any, variants: Sequence[Collection[Modality]]
    ) -> np.ndarray:
        """Probabilities (n_variants, n_classes) of one case, each without some modalities."""
        ...


@dataclass(frozen=True)
class Explanation:
    """Of one case and some classes; a logit is what a class's probability is made of.

    tokens: k sentences of the notes, as the network reads them one after the other, or names of
    inputs. attention: (k,) weights of sentences that sum to 1; None of inputs. added:
    (n_classes, k), what each token adds to the class's logit, by integrated gradients against a
    text without a direction, or an input at its mean. added_by_image: (n_classes,), the same for
    the picture; None without one. maps: (n_classes, h, w) from 0 to 1, Grad-CAM; None where the
    network sees no pixels.
    """

    classes: tuple[str, ...]
    tokens: tuple[str, ...]
    attention: np.ndarray | None
    added: np.ndarray
    added_by_image: np.ndarray | None
    maps: np.ndarray | None


@runtime_checkable
class Explaining(Protocol):
    """A predictor whose predictions can be explained."""

    def explain(self, prepared: Any, classes: Sequence[str]) -> Explanation:
        """Why a prepared case has the probabilities that it has; by the thread that predicts."""
        ...
