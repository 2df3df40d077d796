"""A small cohort as files, and a larger one as drawn, before any file is written."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from fusehr.core.params.raw import ChestImageParams, SignalParams, SyntheticParams
from fusehr.raw.synthetic import cohort
from fusehr.raw.synthetic.latent.truth import Truth, truths
from fusehr.raw.synthetic.latent.world import World, build_model, draw_world

BLOCKS = 24  # 6,000 patients


def make_params(
    patients: int = 400,
    seed: int = 3,
    severity: float = 1.0,
    dirty: float = 0.002,
    notes: float = 1.0,
    image: float = 1.0,
    graph: float = 1.0,
    pool: int = 40,
) -> SyntheticParams:
    return SyntheticParams(
        patients=patients,
        seed=seed,
        long_stay_share=0.58,
        dirty_share=dirty,
        signal=SignalParams(severity=severity, notes=notes, image=image, graph=graph),
        images=ChestImageParams(size=32, pool=pool),
    )


def draw_worlds(params: SyntheticParams, blocks: int = BLOCKS) -> list[World]:
    model = build_model(params)
    return [draw_world(model, block) for block in range(blocks)]


class Tables:
    """The tables in a folder as frames, every field as text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, key: str) -> pd.DataFrame:
        return pd.read_csv(
            self.folder / f"{key}.csv.gz", dtype=str, keep_default_na=False, na_values=[""]
        )

    def films(self) -> dict[str, bytes]:
        """Every film's PNG by its dicom_id."""
        found = {}
        for shard in sorted(self.folder.glob("cxr/images-*.tar")):
            with tarfile.open(shard) as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    assert content is not None
                    found[member.name.removesuffix(".png")] = content.read()
        return found

    def truth(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "truth.parquet")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SyntheticParams], Tables]:
    """Write a cohort once for each set of parameters."""
    done: dict[SyntheticParams, Tables] = {}

    def write(params: SyntheticParams) -> Tables:
        if params not in done:
            folder = tmp_path_factory.mktemp("cohort")
            cohort.write(folder, params)
            done[params] = Tables(folder)
        return done[params]

    return write


@pytest.fixture(scope="session")
def small(written: Callable[[SyntheticParams], Tables]) -> Tables:
    """400 patients."""
    return written(make_params())


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    """6,000 patients as drawn."""
    return draw_worlds(make_params())


@pytest.fixture(scope="session")
def samples(worlds: list[World]) -> dict[str, list[Truth]]:
    """The samples of each task, block by block."""
    found: dict[str, list[Truth]] = {}
    for world in worlds:
        for truth in truths(world):
            found.setdefault(truth.task, []).append(truth)
    return found


def joined(parts: list[Truth], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def fit(columns: list[np.ndarray], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (intercept first) of a logistic regression, and their standard errors."""
    x = np.stack([np.ones(len(y)), *columns], axis=1)
    beta = np.zeros(x.shape[1])
    for _ in range(25):
        p = expit(x @ beta)
        information = (x * (p * (1 - p))[:, None]).T @ x
        beta = beta + np.linalg.solve(information, x.T @ (y - p))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def recalibration(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of y on logit(p), and their standard errors; (0, 1) where calibrated."""
    return fit([logit(p)], y)
