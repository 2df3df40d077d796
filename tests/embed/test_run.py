"""The whole room on three patients: what may be seen, what is written, what is done again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.embed_schemas import (
    INDICATOR_TEXTS,
    NOTE_FEATURES,
    NOTE_SEGMENTS,
    NOTE_SENTENCES,
    TEXTS_TABLE,
    reduced_table,
    vectors_table,
)
from fusehr.core.frame.files import read_json, read_parquet
from fusehr.core.params.embed import EmbedParams
from fusehr.embed.run import embed
from fusehr.models.text.pretrained import MINILM_PACKAGE

MakeParams = Callable[..., EmbedParams]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def run(tables: Path, folder: Path, params: EmbedParams) -> dict:
    folder.mkdir()
    return embed(tables, folder, params)


def test_only_notes_that_a_sample_may_see_are_cut(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    run(tables, tmp_path / "out", params())
    cut = read_parquet(tmp_path / "out/note_sentences.parquet", NOTE_SENTENCES)
    assert sorted(cut["note_id"].unique()) == ["n1", "n3", "n5"]
    features = read_parquet(tmp_path / "out/note_features.parquet", NOTE_FEATURES)
    assert features["note_id"].tolist() == ["n1", "n3", "n5"]
    texts = read_parquet(tmp_path / "out/texts.parquet", TEXTS_TABLE)
    assert not texts["text"].str.contains("late|after every|not asked").any()
    assert texts["text"].map(sha).tolist() == texts["text_sha256"].tolist()


def test_note_features_count_what_is_asserted(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    run(tables, tmp_path / "out", params())
    features = read_parquet(tmp_path / "out/note_features.parquet", NOTE_FEATURES)
    one = features.set_index("note_id").loc["n1"]
    assert (one["symptom_count"], one["sentence_count"], one["condition_severity"]) == (1, 3, 1)
    other = features.set_index("note_id").loc["n3"]
    assert bool(other["has_deterioration"]) and other["deterioration_intensity"] == 0.5


def test_indicators_are_the_last_known_values_in_words(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    run(tables, tmp_path / "out", params())
    rows = read_parquet(tmp_path / "out/indicators.parquet", INDICATOR_TEXTS)
    assert (
        rows.groupby("sample_id")["position"].apply(list).map(lambda p: p == list(range(31))).all()
    )
    texts = read_parquet(tmp_path / "out/texts.parquet", TEXTS_TABLE)
    text_of = dict(zip(texts["text_sha256"], texts["text"], strict=True))
    shown = {
        (sample_id[-1], name): text_of[text_sha256]
        for sample_id, _, name, text_sha256 in rows.itertuples(index=False, name=None)
        if isinstance(text_sha256, str)
    }
    # 140 was charted before the index and stored after it
    assert shown["1", "heart_rate"].startswith("Heart rate: 102 beats per minute (")
    assert shown["2", "heart_rate"].startswith("Heart rate: 98 beats per minute (")
    assert shown["3", "spo2"].startswith("Oxygen saturation: 98 % (")
    assert shown["3", "ph"].startswith("Blood pH: 7.40 (")
    assert shown["1", "age"].startswith("Age: 60 years") and shown["1", "sex"].startswith("Sex: f")
    assert ("3", "sex") not in shown and ("1", "ph") not in shown


def test_vectors_are_exactly_the_texts_and_of_length_one(
    tables: Path, tmp_path: Path, params: MakeParams
) -> None:
    counts = run(tables, tmp_path / "out", params())
    texts = read_parquet(tmp_path / "out/texts.parquet", TEXTS_TABLE)
    fitted = read_json(tmp_path / "out/fitted.json")
    for name, table in (
        ("vectors", vectors_table(fitted["dimension"])),
        ("reduced", reduced_table(fitted["reduced_dimension"])),
    ):
        frame = read_parquet(tmp_path / f"out/{name}.parquet", table)
        assert frame["text_sha256"].tolist() == texts["text_sha256"].tolist()
        lengths = np.linalg.norm(np.stack(frame["vector"].tolist()), axis=1)
        np.testing.assert_allclose(lengths, 1, atol=1e-6)
    assert counts["texts"] == len(texts) and counts["notes"] == 3
    segments = read_parquet(tmp_path / "out/note_segments.parquet", NOTE_SEGMENTS)
    assert segments["note_id"].value_counts().to_dict() == {"n1": 3, "n3": 2, "n5": 23}
    assert not list((tmp_path / "out").glob(".*"))


def test_what_is_fitted_never_sees_other_patients(
    make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams, note_rows: dict
) -> None:
    run(make_tables(), tmp_path / "before", params())
    test_note = (3, "nursing", 5, 6, "Quite other words of the test patient, xylophone twice.")
    run(make_tables(note_rows | {"n5": test_note}), tmp_path / "after", params())
    for name in ("tfidf.safetensors", "tfidf_words.json", "reduction.safetensors"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()
    train_note = (1, "nursing", 2, 3, "Quite other words of the train patient, twice twice.")
    run(make_tables(note_rows | {"n1": train_note}), tmp_path / "train", params())
    name = "tfidf.safetensors"
    assert (tmp_path / "before" / name).read_bytes() != (tmp_path / "train" / name).read_bytes()


def test_under_cross_validation_nothing_is_fitted(
    make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams
) -> None:
    run(make_tables(folds=("cv0", "cv1", "cv2")), tmp_path / "out", params())
    fitted = read_json(tmp_path / "out/fitted.json")
    assert (fitted["reduction"], fitted["fit_texts"]) == ("random", 0)
    assert not (tmp_path / "out/tfidf.safetensors").exists()


@pytest.fixture(scope="session")
def minilm() -> None:
    pytest.importorskip(MINILM_PACKAGE)


def test_store_changes_no_byte_and_one_changed_note_embeds_its_own_texts(
    make_tables: Callable[..., Path],
    tmp_path: Path,
    params: MakeParams,
    note_rows: dict,
    own_store: Path,
    minilm: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = params(encoder="minilm")
    run(make_tables(), tmp_path / "first", chosen)
    assert " 0 reused" in capsys.readouterr().out
    # the store holds other texts besides when these are embedded, and then none
    changed = note_rows | {"n3": (2, "progress", 1, 1, "Pt reports chest pain. A new sentence.")}
    run(make_tables(changed), tmp_path / "changed", chosen)
    assert " 1 encoded" in capsys.readouterr().out
    run(make_tables(), tmp_path / "again", chosen)
    assert " 0 encoded" in capsys.readouterr().out
    shutil.rmtree(own_store)
    run(make_tables(), tmp_path / "deleted", chosen)
    assert " 0 reused" in capsys.readouterr().out
    first = bytes_of(tmp_path / "first")
    assert first == bytes_of(tmp_path / "again") == bytes_of(tmp_path / "deleted")
    shutil.rmtree(own_store)
    run(make_tables(changed), tmp_path / "alone", chosen)
    assert bytes_of(tmp_path / "changed") == bytes_of(tmp_path / "alone")


def test_whole_notes_are_texts_where_asked_for(
    make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams
) -> None:
    tables = make_tables(folds=("train", "train", "train"))
    run(tables, tmp_path / "out", params(texts=["notes"], reduced_dimension=2))
    texts = read_parquet(tmp_path / "out/texts.parquet", TEXTS_TABLE)
    notes = pd.read_parquet(tables / "notes.parquet").set_index("note_id")
    assert set(texts["text_sha256"]) == set(notes.loc[["n1", "n3", "n5"], "text_sha256"])


def test_what_is_printed_holds_no_note_text(
    tables: Path, tmp_path: Path, params: MakeParams, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tables, tmp_path / "out", params())
    printed = "".join(capfd.readouterr())
    assert "chest" not in printed and "embed:" in printed


@pytest.mark.parametrize("encoder", ["tfidf_svd", "minilm"])
def test_a_source_without_any_text_has_a_fixed_projection(
    encoder: str, make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams
) -> None:
    """A fixed split has train patients, but nothing to fit on: as under cross-validation."""
    if encoder == "minilm":
        pytest.importorskip(MINILM_PACKAGE)
    wordless = make_tables({})
    counts = run(wordless, tmp_path / "out", params(encoder=encoder, texts=["sentences"]))
    assert counts == {
        "texts": 0,
        "truncated": 0,
        "notes": 0,
        "note_sentences": 0,
        "note_segments": 0,
        "indicators": 93,
        "distinct": {},
    }
    fitted = read_json(tmp_path / "out/fitted.json")
    assert (fitted["reduction"], fitted["fit_texts"]) == ("random", 0)
    assert not (tmp_path / "out/tfidf.safetensors").exists()
    folds = make_tables({}, folds=("cv0", "cv1", "cv2"))
    run(folds, tmp_path / "cv", params(encoder=encoder, texts=["sentences"]))
    name = "reduction.safetensors"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "cv" / name).read_bytes()


def test_indicators_are_put_into_words_without_a_note(
    make_tables: Callable[..., Path], tmp_path: Path, params: MakeParams
) -> None:
    few = params(texts=["indicators", "sentences"], reduced_dimension=1)
    counts = run(make_tables({}), tmp_path / "out", few)
    assert counts["notes"] == 0 and counts["distinct"] == {"indicators": counts["texts"]}
    fitted = read_json(tmp_path / "out/fitted.json")
    assert (fitted["reduction"], fitted["fit_texts"]) == ("pca", 3)


def test_kinds_of_notes_that_are_not_embedded_are_named(
    tables: Path, tmp_path: Path, params: MakeParams, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tables, tmp_path / "out", params())
    said = capsys.readouterr().out
    assert "embed: not among embed.note_kinds, so left out: radiology (1)\n" in said
    assert "asked" not in said
    run(tables, tmp_path / "all", params(note_kinds=["nursing", "progress", "radiology"]))
    assert "left out" not in capsys.readouterr().out
