"""Notes, facts, images and structured values beside the small tables, as the rooms write them.

`write_multimodal` tells each sample's labels in every modality. A modality is wrong of a share of
patients and classes (WRONG), each modality of others, so that two tell more than one; and it lacks
a share of the patients (LACKING). What is told is the same for all samples that a patient has of a
task, as notes and images belong to visits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fusehr.core.embed_schemas import (
    INDICATOR_TEXTS,
    INDICATORS,
    NOTE_FEATURES,
    NOTE_SEGMENTS,
    NOTE_SENTENCES,
    TEXTS_TABLE,
    fixed_lists,
    reduced_table,
    vectors_table,
)
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import IMAGES, NOTES
from fusehr.core.rag_schemas import FACT_COUNTS, FACTS

WRONG = {"notes": 0.15, "summary": 0.15, "images": 0.15, "indicators": 0.15}
LACKING = {"notes": 0.15, "summary": 0.2, "images": 0.3, "indicators": 0.1}
WIDTH, REDUCED_WIDTH, IMAGE_WIDTH = 16, 8, 8  # of vectors of texts, reduced ones, of images
SIDE = 16  # pixels
FILLERS = tuple(f"filler {k}" for k in range(6))
# Corner of an image that tells a task; triage's is as bright as the patient is urgent.
CORNERS = {
    "mortality": (0, 0),
    "deterioration": (0, SIDE // 2),
    "readmission": (SIDE // 2, 0),
    "triage": (SIDE // 2, SIDE // 2),
}
BRIGHTNESS = {"high": 1.0, "medium": 0.5, "low": 0.0}


@dataclass
class Texts:
    """Texts by hash, with the kinds they are of; a text's vector depends on the text alone."""

    kinds: dict[str, set[str]] = field(default_factory=dict)

    def sha(self, text: str, kind: str) -> str:
        """The hash of `text`, which is kept."""
        self.kinds.setdefault(text, set()).add(kind)
        return _sha(text)

    def write(self, folder: Path) -> None:
        """texts, vectors and reduced."""
        texts = sorted(self.kinds, key=_sha)
        shas = [_sha(text) for text in texts]
        frame = pd.DataFrame(
            {
                "text_sha256": shas,
                "kinds": [sorted(self.kinds[text]) for text in texts],
                "text": texts,
            }
        )
        write_parquet(folder / "texts.parquet", frame, TEXTS_TABLE)
        for name, width in (("vectors", WIDTH), ("reduced", REDUCED_WIDTH)):
            columns = {
                "text_sha256": pa.array(shas, pa.string()),
                "vector": fixed_lists(np.stack([_vector(text, width) for text in texts])),
            }
            if name == "vectors":
                columns |= {
                    "encoder": pa.array(["planted"] * len(texts)),
                    "dimension": pa.array([width] * len(texts), pa.int64()),
                    "truncated": pa.array([False] * len(texts)),
                }
            schema = vectors_table(width) if name == "vectors" else reduced_table(width)
            write_parquet(folder / f"{name}.parquet", pa.table(columns), schema)


@dataclass(frozen=True)
class Told:
    """What one modality tells: (patient_id, task) -> classes told, of patients that it knows."""

    classes: dict[tuple[int, str], list[str]]

    def of(self, patient: int, task: str) -> list[str] | None:
        """Classes told as true; None where nothing is told."""
        return self.classes.get((patient, task))


def write_multimodal(tables: Path, *, seed: int = 4) -> Path:
    """Fill `embed`, `rag` and `train/images` beside `tables` (of conftest.write_tables), and notes,
    images and images.npy in it; returns `tables`.

    `tables` stands alone in its parent folder, as data/tables does in data.
    """
    samples = pd.read_parquet(tables / "samples.parquet").sort_values("sample_id")
    label = pd.read_parquet(tables / "label.parquet")
    visits = pd.read_parquet(tables / "visits.parquet").set_index("visit_id")["admit_time"]
    rng = np.random.default_rng(seed)
    truth = _truth(label)
    told = {name: _told(truth, name, rng) for name in WRONG}
    sampled = samples.drop_duplicates("patient_id")
    sampled = sampled.assign(admitted=sampled["visit_id"].map(visits))
    embed, rag = tables.parent / "embed", tables.parent / "rag"
    texts = Texts()
    _write_notes(tables, embed, sampled, told["notes"], texts, rng)
    _write_indicators(embed, samples, told["indicators"], texts, rng)
    texts.write(embed)
    _write_facts(rag, samples, told["summary"], told["notes"], rng)
    _write_images(tables, sampled, told["images"], rng)
    return tables


def _truth(label: pd.DataFrame) -> pd.Series:
    """Share of a patient's samples of (task, class) that are positive; outcomes are no classes."""
    classes = label[~label["class"].str.startswith("outcome/")]
    return classes.groupby(["patient_id", "task", "class"])["label_value"].mean()


def _told(truth: pd.Series, modality: str, rng: np.random.Generator) -> Told:
    patients = truth.index.unique("patient_id")
    known = dict(zip(patients, rng.random(len(patients)) >= LACKING[modality], strict=True))
    classes: dict[tuple[int, str], list[str]] = {}
    by_task = truth.rename("share").reset_index().groupby(["patient_id", "task"])
    for (patient, task), rows in cast(Iterable[tuple[tuple[int, str], pd.DataFrame]], by_task):
        names = rows["class"].to_numpy(dtype=str)
        wrong = rng.random(len(names)) < WRONG[modality]
        if task == "triage" and wrong[0]:
            said = [str(rng.choice(names))]
        elif task == "triage":
            said = names[rows["share"] >= 0.5].tolist()
        else:
            said = names[(rows["share"] >= 0.5) ^ wrong].tolist()
        if known[patient]:
            classes[patient, task] = said
    return Told(classes)


def _sentence(task: str, said: list[str]) -> str:
    return f"{task}: {', '.join(sorted(said)) or 'none'}"


def _write_notes(
    tables: Path,
    embed: Path,
    sampled: pd.DataFrame,
    told: Told,
    texts: Texts,
    rng: np.random.Generator,
) -> None:
    """A triage note half an hour after admission, and a nursing note every sixth hour from the
    eleventh; each tells every task, a sentence a class of next_diagnoses, among fillers."""
    notes, sentences, features = [], [], []
    for row in sampled.itertuples():
        patient = int(str(row.patient_id))
        if told.of(patient, "mortality") is None:
            continue
        said = [
            _sentence(task, told.of(patient, task) or [])
            for task in ("mortality", "readmission", "deterioration", "triage")
        ]
        said += [f"next_diagnoses: {name}" for name in told.of(patient, "next_diagnoses") or []]
        sick = "deterioration: positive" in said
        for hour in (0.5, 11.0, 17.0, 23.0, 35.0, 47.0, 59.0):
            kind = "triage_nursing" if hour < 1 else "nursing"
            note_id = f"{kind}-{row.visit_id}-{hour:g}"
            lines = [*said, *rng.choice(FILLERS, size=int(rng.integers(0, 3)))]
            text = ". ".join(lines)
            time = pd.Timestamp(str(row.admitted)) + pd.Timedelta(hours=hour)
            notes.append(
                {
                    "patient_id": patient,
                    "event_time": time,
                    "code": kind,
                    "text": text,
                    "visit_id": row.visit_id,
                    "available_time": time + pd.Timedelta(minutes=5),
                    "note_id": note_id,
                    "text_sha256": _sha(text),
                }
            )
            sentences += [
                {
                    "note_id": note_id,
                    "position": position,
                    "text_sha256": texts.sha(str(line), "sentences"),
                }
                for position, line in enumerate(lines)
            ]
            features.append(
                {
                    "note_id": note_id,
                    "symptom_count": len(lines),
                    "medication_count": 3 * sick + int(rng.integers(0, 2)),
                    "condition_severity": 3 * sick,
                    "has_deterioration": sick,
                    "deterioration_intensity": 0.8 * sick,
                    "sentence_count": len(lines),
                }
            )
    write_parquet(tables / "notes.parquet", _frame(notes, NOTES.arrow().names), NOTES)
    names = NOTE_SENTENCES.arrow().names
    write_parquet(embed / "note_sentences.parquet", _frame(sentences, names), NOTE_SENTENCES)
    names = NOTE_FEATURES.arrow().names
    write_parquet(embed / "note_features.parquet", _frame(features, names), NOTE_FEATURES)
    names = NOTE_SEGMENTS.arrow().names
    write_parquet(embed / "note_segments.parquet", _frame([], names), NOTE_SEGMENTS)


def _write_indicators(
    embed: Path, samples: pd.DataFrame, told: Told, texts: Texts, rng: np.random.Generator
) -> None:
    """Positions 0 and on: what is told of the sample's task, a class each; then noise, a fifth of
    it not known."""
    rows = []
    for row in samples.itertuples():
        said = told.of(int(str(row.patient_id)), str(row.task))
        lines: list[str | None] = [None] * INDICATORS
        if said is not None:
            for position, line in enumerate([f"{row.task} {name}" for name in said] or ["none"]):
                lines[position] = line
            for position in range(6, INDICATORS):
                if rng.random() > 0.2:
                    lines[position] = f"value {position} is {int(rng.integers(0, 4))}"
        rows += [
            {
                "sample_id": row.sample_id,
                "position": position,
                "name": f"indicator_{position}",
                "text_sha256": texts.sha(line, "indicators") if line else None,
            }
            for position, line in enumerate(lines)
        ]
    names = INDICATOR_TEXTS.arrow().names
    write_parquet(embed / "indicators.parquet", _frame(rows, names), INDICATOR_TEXTS)


def _write_facts(
    rag: Path, samples: pd.DataFrame, told: Told, notes: Told, rng: np.random.Generator
) -> None:
    """Own pairs that tell the classes of the sample's task, then fillers; counts of them, and of
    findings, which tell what notes do."""
    texts, rows, counts = Texts(), [], []
    for row in samples.itertuples():
        patient, task = int(str(row.patient_id)), str(row.task)
        counts += [
            {"sample_id": row.sample_id, "feature": f"finding/{name}/present", "value": 2.0}
            for name in notes.of(patient, task) or []
        ]
        said = told.of(patient, task)
        if said is None:
            continue
        lines = [("own_pair", f"fact: {row.task} {name}") for name in said]
        lines += [("disease", str(f)) for f in rng.choice(FILLERS, size=int(rng.integers(1, 4)))]
        rows += [
            {
                "sample_id": row.sample_id,
                "rank": rank,
                "kind": kind,
                "relation": "contraindication" if kind == "own_pair" else "associated with",
                "x": rank,
                "y": 1000 + rank,
                "text": text,
                "text_sha256": texts.sha(text, "facts"),
                "score": 1.0 / (1 + rank),
            }
            for rank, (kind, text) in enumerate(lines)
        ]
        counts += [
            {"sample_id": row.sample_id, "feature": f"pair/{name}", "value": 1.0} for name in said
        ]
    write_parquet(rag / "facts.parquet", _frame(rows, FACTS.arrow().names), FACTS)
    counted = _frame(counts, FACT_COUNTS.arrow().names)
    write_parquet(rag / "fact_counts.parquet", counted, FACT_COUNTS)
    texts.write(rag)


def _write_images(
    tables: Path, sampled: pd.DataFrame, told: Told, rng: np.random.Generator
) -> None:
    """An image a quarter of an hour after admission, its corners as bright as the labels told; and
    vectors of the same."""
    rows, pixels, vectors = [], [], []
    for row in sampled.itertuples():
        patient = int(str(row.patient_id))
        urgency = told.of(patient, "triage")
        if urgency is None:
            continue
        bright = {task: float("positive" in (told.of(patient, task) or [])) for task in CORNERS}
        bright["triage"] = BRIGHTNESS[urgency[0]]
        picture = rng.normal(60, 8, size=(SIDE, SIDE))
        for task, (top, left) in CORNERS.items():
            picture[top + 2 : top + 6, left + 2 : left + 6] += 150 * bright[task]
        content = np.clip(picture, 0, 255).astype(np.uint8)
        time = pd.Timestamp(str(row.admitted)) + pd.Timedelta(minutes=15)
        rows.append(
            {
                "patient_id": patient,
                "event_time": time,
                "image_id": f"image-{row.visit_id}",
                "view": "AP",
                "visit_id": row.visit_id,
                "available_time": time + pd.Timedelta(minutes=5),
                "image_sha256": hashlib.sha256(content.tobytes()).hexdigest(),
                "pixel_row": len(pixels),
            }
        )
        pixels.append(content)
        noise = rng.normal(size=IMAGE_WIDTH - len(bright))
        vectors.append(np.concatenate([list(bright.values()), noise]))
    write_parquet(tables / "images.parquet", _frame(rows, IMAGES.arrow().names), IMAGES)
    np.save(tables / "images.npy", np.stack(pixels))
    folder = tables.parent / "train" / "images"
    folder.mkdir(parents=True)
    table = pa.table(
        {
            "image_id": pa.array([row["image_id"] for row in rows]),
            "vector": fixed_lists(np.stack(vectors).astype(np.float32)),
        }
    )
    pq.write_table(table.sort_by("image_id"), folder / "vectors.parquet")


def _frame(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _vector(text: str, width: int) -> np.ndarray:
    """A unit vector drawn for the text."""
    drawn = np.random.default_rng(int(_sha(text)[:16], 16)).normal(size=width)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)
