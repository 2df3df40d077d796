"""A few patients' tables, small enough to know by heart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import validate
from fusehr.core.frame.schemas import DYNAMIC, NOTES, SAMPLES, SPLITS, STATIC
from fusehr.core.params.embed import EmbedParams

START = pd.Timestamp("2150-01-01 00:00")

BLOCK: dict[str, Any] = {
    "encoder": "tfidf_svd",
    "dtype": "float32",
    "max_tokens": 0,
    "pooling": "auto",
    "dimension": 0,
    "matryoshka": "auto",
    "tokens_per_batch": 256,
    "device": "cpu",
    "threads": 1,
    "memory_mb": 512,
    "texts": ["indicators", "sentences", "segments"],
    "note_kinds": ["nursing", "progress", "discharge"],
    "reduced_dimension": 4,
    "fit_texts": 1000,
    "gradio": {"model": "tiny", "batch": 8, "timeout_s": 5.0, "retries": 2},
}

# note_id: patient, kind, hour written, hour stored, text
NOTE_ROWS = {
    "n1": (1, "nursing", 2, 3, "Pt reports chest pain. No fever. BP 98.6/60 stable."),
    "n2": (1, "nursing", 20, 30, "Stored too late to be seen."),
    "n3": (2, "progress", 1, 1, "Pt reports chest pain. Worsening dyspnea on 2.5 L O2."),
    "n4": (2, "discharge", 40, 41, "Written after every index."),
    "n5": (3, "nursing", 5, 6, " ".join(f"Sentence number {k} is here." for k in range(30))),
    "n6": (3, "radiology", 5, 6, "Of a kind that is not asked for."),
}
# patient, code, hour, hour known, value
EVENT_ROWS = [
    (1, "heart_rate", 3, 3, 98.4),
    (1, "heart_rate", 5, 5, 101.6),
    (1, "heart_rate", 9, 30, 140.0),
    (2, "heart_rate", 9, 9, 98.0),
    (3, "ph", 2, 2, 7.4),
    (3, "spo2", 2, 2, 98.0),
]


def embed_params(**changes: Any) -> EmbedParams:
    return validate(BLOCK | changes, EmbedParams, "embed")


def write_tables(folder: Path, notes: dict[str, tuple], *, folds: tuple[str, ...]) -> Path:
    """Tables of patients 1 to 3, each with one sample of mortality 24 hours after START."""
    folder.mkdir(parents=True, exist_ok=True)

    def at(hour: float) -> pd.Timestamp:
        return START + pd.Timedelta(hours=hour)

    ids = [1, 2, 3]
    write_parquet(
        folder / "notes.parquet",
        pd.DataFrame(
            [
                (pid, at(written), kind, text, pid, at(stored), note_id, sha(text))
                for note_id, (pid, kind, written, stored, text) in notes.items()
            ],
            columns=pd.Index([c.name for c in NOTES.columns]),
        ),
        NOTES,
    )
    write_parquet(
        folder / "dynamic.parquet",
        pd.DataFrame(
            [(p, at(h), code, v, p, at(k), "storetime") for p, code, h, k, v in EVENT_ROWS],
            columns=pd.Index([c.name for c in DYNAMIC.columns]),
        ),
        DYNAMIC,
    )
    write_parquet(
        folder / "static.parquet",
        pd.DataFrame(
            [(p, 60.7, sex, p, "URGENT", "ED", at(0)) for p, sex in zip(ids, "FMU", strict=True)],
            columns=pd.Index([c.name for c in STATIC.columns]),
        ),
        STATIC,
    )
    write_parquet(
        folder / "samples.parquet",
        pd.DataFrame(
            [
                (f"mortality-{p}", p, "mortality", at(24), p, p, at(0), at(0), at(24), True)
                for p in ids
            ],
            columns=pd.Index([c.name for c in SAMPLES.columns]),
        ),
        SAMPLES,
    )
    write_parquet(
        folder / "splits.parquet", pd.DataFrame({"patient_id": ids, "fold": list(folds)}), SPLITS
    )
    return folder


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def block() -> dict[str, Any]:
    return dict(BLOCK)


@pytest.fixture
def params() -> Callable[..., EmbedParams]:
    return embed_params


@pytest.fixture
def make_tables(tmp_path: Path) -> Callable[..., Path]:
    def make(
        notes: dict[str, tuple] = NOTE_ROWS, folds: tuple[str, ...] = ("train", "val", "test")
    ) -> Path:
        return write_tables(tmp_path / "tables", notes, folds=folds)

    return make


@pytest.fixture
def note_rows() -> dict[str, tuple]:
    return dict(NOTE_ROWS)


@pytest.fixture
def tables(make_tables: Callable[..., Path]) -> Path:
    return make_tables()


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
