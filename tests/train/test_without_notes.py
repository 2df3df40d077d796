"""A source of values alone, from its files to trained recipes: the preset for such a one."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import read_yaml, validate
from fusehr.core.mimic_files import Manifest
from fusehr.core.params.embed import EmbedParams
from fusehr.core.params.rag import RagParams
from fusehr.core.params.raw import Physionet2012Params
from fusehr.core.params.tables import TablesParams
from fusehr.embed.run import embed
from fusehr.models.text.pretrained import MINILM_PACKAGE
from fusehr.rag.embedding import embed_texts
from fusehr.rag.knowledge import sources
from fusehr.rag.knowledge.build import build
from fusehr.rag.run import retrieve
from fusehr.raw import manifest, physionet2012
from fusehr.tables.convert import convert

from ..challenge2012 import record, write_set
from .conftest import ROOT, Train

PARAMS = read_yaml(ROOT / "params.yaml")
PRESET = PARAMS["presets"]["no_notes"]
RECIPES = {path: value for path, value in PRESET.items() if path.startswith("recipes.")}
QUICK = {"train__tasks": ["mortality"], "model__epochs": 8}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """From a mirror of the Challenge's files to tables, vectors and facts; the tables' folder."""

    def prepare(mirror: Path, encoder: str) -> Path:
        data = tmp_path_factory.mktemp("wordless") / "data"
        (raw := data / "raw").mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("FUSEHR_MIRROR", str(mirror))
            patched.setenv("FUSEHR_CACHE", str(data / "cache"))
            params = Physionet2012Params(url="http://127.0.0.1:9", train=["a"], test=["b"])
            listed = physionet2012.write(raw, params)
            manifest.write(raw, Manifest("physionet2012", False, tuple(listed)))
            of_tables = validate(PARAMS["tables"], TablesParams, "tables")
            convert(raw, data / "tables", data / "tables.json", of_tables)
            changed = {"encoder": encoder, "dtype": "float32", "threads": 1}
            of_embed = validate(PARAMS["embed"] | changed, EmbedParams, "embed")
            (data / "embed").mkdir()
            embed(data / "tables", data / "embed", of_embed)
            signals = PARAMS["rag"]["signals"] | {"diseases": PRESET["rag.signals.diseases"]}
            of_rag = validate(PARAMS["rag"] | {"signals": signals}, RagParams, "rag")
            knowledge = data / "rag" / "knowledge"
            knowledge.mkdir(parents=True)
            attach = partial(sources.attach_builtin, raw=raw)
            build(attach, knowledge, threads=1, memory_mb=512)
            retrieve(data / "tables", knowledge, data / "rag", of_rag)
            embed_texts(data / "rag", data / "embed", ["facts", "sentences"], of_embed)
        return data / "tables"

    return prepare


def train_as_preset(trained: Train, recipe: str, tables: Path, **changes: Any) -> Path:
    own = {k.replace(".", "__"): v for k, v in RECIPES.items() if k.split(".")[1] == recipe}
    return trained(recipe, tables, **(QUICK | own | changes))


def auroc(folder: Path, variant: str = "full") -> float:
    found = pd.read_parquet(folder / "predictions.parquet")
    found = found[(found["fold"] == "test") & (found["variant"] == variant)]
    return float(roc_auc_score(found["y"], found["p"]))


@pytest.fixture(scope="module")
def made(prepared: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 stays, of which those that end in death have abnormal values more often."""
    mirror = tmp_path_factory.mktemp("mirror")
    folder = mirror / "challenge-2012" / "1.0.0"
    rng = np.random.default_rng(5)
    for name, numbers in (("a", range(1, 281)), ("b", range(281, 401))):
        records, outcomes = {}, []
        for number in numbers:
            died = int(rng.random() < 0.18)
            ill = rng.random(4) < (0.75 if died else 0.03)  # few, so that they stand out
            heart, lactate = (138 if ill[0] else 82), (7.5 if ill[1] else 1.3)
            sodium, temperature = (121 if ill[2] else 140), (39.6 if ill[3] else 36.9)
            lines = [f"{h:02d}:10,HR,{heart + int(rng.integers(-6, 7))}" for h in (2, 20, 44)]
            lines += [f"30:00,Lactate,{lactate}", f"31:00,Na,{sodium}", f"33:00,Temp,{temperature}"]
            records[f"{number}.txt"] = record(number, *lines, age=int(rng.integers(40, 85)))
            outcomes.append(f"{number},10,5,9,{5 if died else -1},{died}\n")
        write_set(folder, name, records, "".join(outcomes))
    return prepared(mirror, "tfidf_svd")


def test_values_become_words_and_facts_without_a_note(made: Path) -> None:
    data = made.parent
    assert len(pd.read_parquet(made / "notes.parquet")) == 0
    told = read_json(data / "embed" / "fitted.json")
    assert told["reduction"] == "pca" and told["fit_texts"] > 32
    samples = pd.read_parquet(made / "samples.parquet")["sample_id"]
    indicators = pd.read_parquet(data / "embed" / "indicators.parquet").dropna()
    assert set(indicators["sample_id"]) == set(samples)
    facts = pd.read_parquet(data / "rag" / "facts.parquet")
    assert 0.15 < facts["sample_id"].nunique() / len(samples) < 0.4
    assert (facts["text"] == "sepsis presents with fever").sum() > 20


def test_emerge_learns_from_series_and_from_facts(trained: Train, made: Path) -> None:
    folder = train_as_preset(trained, "emerge", made)
    assert read_json(folder / "skipped.json") == {}
    assert auroc(folder) > 0.85
    # facts alone tell of it too, and what was seen is told with the model
    assert auroc(folder, "without_series") > 0.75
    found = pd.read_parquet(folder / "predictions.parquet")
    assert set(found["variant"]) == {"full", "without_series", "without_summary"}
    params = read_json(folder / "recipe.json")["params"]
    assert params["recipes.emerge"]["modalities"] == ["series", "summary"]


def test_bia_fusion_learns_from_indicators_in_words(trained: Train, made: Path) -> None:
    folder = train_as_preset(trained, "bia_fusion", made)
    assert read_json(folder / "skipped.json") == {}
    assert auroc(folder) > 0.85
    assert set(pd.read_parquet(folder / "predictions.parquet")["variant"]) == {"full"}


def test_what_needs_notes_says_so(trained: Train, made: Path) -> None:
    for recipe, needed in (("lstm_notes", "notes"), ("emerge", "notes")):
        folder = trained(recipe, made, **QUICK)
        reason = f"needs {needed}: the source has none for this task"
        assert read_json(folder / "skipped.json") == {"mortality": reason}


@pytest.mark.real
def test_real_stays_without_notes(
    prepared: Callable[..., Path], mirror: Path, trained: Train, tmp_path: Path
) -> None:
    """1,200 stays of set a, a quarter of them held out; set b is not looked at."""
    pytest.importorskip(MINILM_PACKAGE)
    own = tmp_path / "mirror"
    _divide(mirror / "challenge-2012/1.0.0", own / "challenge-2012/1.0.0", stays=1200)
    tables = prepared(own, "minilm")
    samples = pd.read_parquet(tables / "samples.parquet")["sample_id"]
    facts = pd.read_parquet(tables.parent / "rag" / "facts.parquet")
    assert facts["sample_id"].nunique() > 0.4 * len(samples)
    for recipe in ("emerge", "bia_fusion"):
        folder = train_as_preset(trained, recipe, tables)
        assert read_json(folder / "skipped.json") == {}
        assert auroc(folder) > 0.6
    shutil.rmtree(tables.parent)


def _divide(source: Path, target: Path, *, stays: int) -> None:
    header, *rows = (source / "Outcomes-a.txt").read_text().splitlines()
    chosen = {row.split(",")[0]: row for row in sorted(rows)[:stays]}
    records: dict[str, dict[str, str]] = {"a": {}, "b": {}}
    with tarfile.open(source / "set-a.tar.gz") as archive:
        for member in archive:
            number = Path(member.name).stem
            content = archive.extractfile(member)
            if content is not None and number in chosen:
                part = "b" if int(number) % 4 == 0 else "a"
                records[part][f"{number}.txt"] = io.TextIOWrapper(content).read()
    for part, of_part in records.items():
        outcomes = "".join(f"{chosen[Path(name).stem]}\n" for name in of_part)
        write_set(target, part, of_part, outcomes)
        assert (target / f"Outcomes-{part}.txt").read_text().startswith(header)
