"""A predictor whose answers follow from the case alone, and that can be held up."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fusehr.core.calibration import Calibration
from fusehr.core.pictures import grey_square
from fusehr.serve.cases.case import Case
from fusehr.serve.predictors.contract import About, Recalibration

CLASSES = ("high", "low", "medium")
SIZE = 8


def answer(text: str, image: bytes = b"") -> np.ndarray:
    """(3,) probabilities: of a text, and of the pixels of an image."""
    digest = hashlib.sha256(text.encode() + image).digest()
    weights = np.frombuffer(digest[:3], np.uint8).astype(np.float64) + 1
    return weights / weights.sum()


ABOUT = About(
    "triage_fusion", "triage_fusion", "triage", CLASSES, True, ("notes", "images"), 1, "0" * 64
)
SLOPES = Recalibration(tuple(Calibration(slope, 0.1) for slope in (0.5, 1.0, 2.0)), True)


@dataclass
class FakePredictor:
    """sizes: of the batches that it predicted; going: cleared, it waits."""

    sizes: list[int] = field(default_factory=list)
    going: threading.Event = field(default_factory=threading.Event)
    broken: str = ""  # a text that it cannot predict
    about: About = ABOUT
    recalibration: Recalibration = SLOPES

    def __post_init__(self) -> None:
        self.going.set()

    def prepare(self, case: Case) -> tuple[str, bytes]:
        pixels = [grey_square(picture.data, SIZE).tobytes() for picture in case.all_images]
        return case.text or "", b"".join(pixels)

    def predict(self, prepared: Sequence[Any], without: Collection[str] = ()) -> np.ndarray:
        self.going.wait(20)
        self.sizes.append(len(prepared))
        rows = []
        for text, image in prepared:
            if self.broken and text == self.broken:
                raise ValueError(f"cannot read {text}")
            text = "" if "notes" in without else text
            rows.append(answer(text, b"" if "images" in without else image))
        return np.array(rows)

    def predict_without(self, prepared: Any, variants: Sequence[Collection[str]]) -> np.ndarray:
        return np.array([self.predict([prepared], without)[0] for without in variants])
