"""A synthetic cohort with its graph, what the room makes of it, and a hospital of a few notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import validate
from fusehr.core.frame.schemas import DRUGS, DYNAMIC, NOTES, SAMPLES, SPLITS, VISITS
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.rag import RagParams
from fusehr.core.params.raw import ChestImageParams, SignalParams, SyntheticParams
from fusehr.core.params.tables import TablesParams
from fusehr.rag.knowledge import sources
from fusehr.rag.knowledge.build import build
from fusehr.rag.run import retrieve
from fusehr.raw import manifest
from fusehr.raw.synthetic import cohort
from fusehr.tables.convert import convert

REPOSITORY = Path(__file__).parents[2]
START = pd.Timestamp("2150-01-01 00:00")

BLOCK: dict[str, Any] = {
    "kg": "builtin",
    "primekg": {"relations": "full", "url": "http://127.0.0.1:9", "doi": "doi:10.0/X"},
    "note_kinds": ["triage_nursing", "nursing", "progress", "radiology", "discharge"],
    "extraction": "rules",
    "link_threshold": 0.65,
    "matching": {"encoder": "minilm", "dtype": "float32"},
    "signals": {"z": 2.0, "clip_share": 0.05, "most": 10, "diseases": 0},
    "ranking": "bm25",
    "max_diseases": 10,
    "triples_per_disease": 5,
    "max_own_pairs": 20,
    "triples_per_drug": 0,
    "unprescribed_drugs": False,
    "summary": "template",
    "chat": {
        "model": "tiny",
        "timeout_s": 5.0,
        "retries": 2,
        "concurrency": 4,
        "max_tokens": 16,
        "max_malformed_share": 0.2,
    },
    "embed_texts": ["facts", "sentences"],
    "threads": 1,
    "memory_mb": 1024,
}


def make_params(**changes: Any) -> RagParams:
    """BLOCK with changes; a dictionary changes the keys that it has."""
    block = {
        key: value | changes.get(key, {}) if isinstance(value, dict) else changes.get(key, value)
        for key, value in BLOCK.items()
    }
    return validate(block, RagParams, "rag")


@pytest.fixture
def rag_params() -> Callable[..., RagParams]:
    return make_params


class World:
    """raw, tables, knowledge and rag: folders of synthetic patients."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.tables = folder / "raw", folder / "tables"
        self.knowledge, self.rag = folder / "knowledge", folder / "rag"

    def frame(self, name: str) -> pd.DataFrame:
        folder = self.rag if (self.rag / f"{name}.parquet").exists() else self.tables
        return pd.read_parquet(folder / f"{name}.parquet")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """500 patients, enough for statistics. Made once: nothing may be changed in it."""
    return make_world(tmp_path_factory.mktemp("rag-world"), patients=500)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> World:
    """80 patients, for what holds of every one. Made once: nothing may be changed in it."""
    return make_world(tmp_path_factory.mktemp("rag-few"), patients=80)


def make_world(folder: Path, *, patients: int) -> World:
    made = World(folder)
    for folder in (made.raw, made.knowledge, made.rag):
        folder.mkdir()
    params = SyntheticParams(
        patients=patients,
        seed=3,
        long_stay_share=0.58,
        dirty_share=0.0,
        signal=SignalParams(severity=1.0, notes=1.0, image=1.0, graph=1.0),
        images=ChestImageParams(size=16, pool=0),
    )
    cohort.write(made.raw, params)
    listed = tuple(manifest.complete(made.raw))
    manifest.write(made.raw, Manifest("synthetic", False, listed))
    block = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["tables"]
    block["split"]["cv_below_patients"] = 0
    convert(
        made.raw,
        made.tables,
        made.rag.parent / "metrics.json",
        validate(block, TablesParams, "tables"),
    )
    build_graph(partial(sources.attach_builtin, raw=made.raw), made.knowledge)
    retrieve(made.tables, made.knowledge, made.rag, make_params())
    return made


def build_graph(attach: Any, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    build(attach, folder, threads=1, memory_mb=512)


@pytest.fixture(scope="session")
def general_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The general facts alone, as a source without a graph of its own gets them."""
    folder = tmp_path_factory.mktemp("general-graph")
    build_graph(partial(sources.attach_builtin, raw=folder / "none"), folder)
    return folder


class Hospital:
    """One patient, a visit from hour 0 to 72 and one before it, a mortality sample at hour 48."""

    def __init__(self, folder: Path, knowledge: Path) -> None:
        self.tables, self.rag, self.knowledge = folder / "tables", folder / "rag", knowledge
        self.tables.mkdir()
        self.rag.mkdir()
        self.notes: list[tuple[float, str]] = []
        self.drugs: list[tuple[float, str]] = []
        self.values: list[tuple[float, str, float]] = []
        self.earlier_codes: list[str] = []
        self.codes: list[str] = []

    def run(self, **changes: Any) -> dict[str, pd.DataFrame]:
        """What the room makes of it, by table."""
        self._write()
        retrieve(self.tables, self.knowledge, self.rag, make_params(**changes))
        return {path.stem: pd.read_parquet(path) for path in self.rag.glob("*.parquet")}

    def _write(self) -> None:
        hour = lambda h: START + pd.Timedelta(hours=h)  # noqa: E731
        samples = [("s-mortality", "mortality", 48.0), ("s-next", "next_diagnoses", 170.0)]
        write_parquet(
            self.tables / "samples.parquet",
            pd.DataFrame(
                {
                    "sample_id": [name for name, _, _ in samples],
                    "patient_id": 1,
                    "task": [task for _, task, _ in samples],
                    "index_time": [hour(h) for _, _, h in samples],
                    "visit_id": 10,
                    "stay_id": pd.array([None, None], dtype="Int64"),
                    "window_start": START,
                    "history_start": START,
                    "codes_through": [hour(48), hour(170)],
                    "train_use": True,
                }
            ),
            SAMPLES,
        )
        write_parquet(
            self.tables / "splits.parquet",
            pd.DataFrame({"patient_id": [1], "fold": ["cv0"]}),
            SPLITS,
        )
        write_parquet(
            self.tables / "visits.parquet",
            pd.DataFrame(
                {
                    "patient_id": 1,
                    "visit_id": [9, 10],
                    "admit_time": [hour(-900), hour(0)],
                    "discharge_time": [hour(-800), hour(72)],
                    "death_time": pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]"),
                    "admission_type": "URGENT",
                    "discharge_location": "HOME",
                    "diagnoses": [self.earlier_codes, self.codes],
                    "phenotypes": [[], []],
                    "procedures": [[], []],
                    "drugs": [[], []],
                    "codes_available_time": [hour(-700), hour(168)],
                }
            ),
            VISITS,
        )
        times = [hour(h) for h, _ in self.notes]
        write_parquet(
            self.tables / "notes.parquet",
            pd.DataFrame(
                {
                    "patient_id": pd.Series([1] * len(times), dtype="int64"),
                    "event_time": pd.Series(times, dtype="datetime64[us]"),
                    "code": pd.Series(["nursing"] * len(times), dtype="string"),
                    "text": pd.Series([text for _, text in self.notes], dtype="string"),
                    "visit_id": pd.Series(
                        [9 if h < 0 else 10 for h, _ in self.notes], dtype="Int64"
                    ),
                    "available_time": pd.Series(times, dtype="datetime64[us]"),
                    "note_id": pd.Series([f"n{i}" for i in range(len(times))], dtype="string"),
                    "text_sha256": pd.Series(["0" * 64] * len(times), dtype="string"),
                }
            ),
            NOTES,
        )
        times = [hour(h) for h, _ in self.drugs]
        write_parquet(
            self.tables / "drugs.parquet",
            pd.DataFrame(
                {
                    "patient_id": pd.Series([1] * len(times), dtype="int64"),
                    "event_time": pd.Series(times, dtype="datetime64[us]"),
                    "code": pd.Series([name for _, name in self.drugs], dtype="string"),
                    "visit_id": pd.Series(
                        [9 if h < 0 else 10 for h, _ in self.drugs], dtype="int64"
                    ),
                    "available_time": pd.Series(times, dtype="datetime64[us]"),
                }
            ),
            DRUGS,
        )
        times = [hour(h) for h, _, _ in self.values]
        write_parquet(
            self.tables / "dynamic.parquet",
            pd.DataFrame(
                {
                    "patient_id": pd.Series([1] * len(times), dtype="int64"),
                    "event_time": pd.Series(times, dtype="datetime64[us]"),
                    "code": pd.Series([name for _, name, _ in self.values], dtype="string"),
                    "value": pd.Series([value for _, _, value in self.values], dtype="float64"),
                    "visit_id": pd.Series([10] * len(times), dtype="Int64"),
                    "available_time": pd.Series(times, dtype="datetime64[us]"),
                    "availability": pd.Series(["event"] * len(times), dtype="string"),
                }
            ),
            DYNAMIC,
        )


@pytest.fixture
def hospital(tmp_path: Path, general_graph: Path) -> Hospital:
    return Hospital(tmp_path, general_graph)
