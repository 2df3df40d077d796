"""A student exported and read again: the same probabilities, the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from scipy.stats import rankdata

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json, write_json
from fusehr.models.distilled.about import ABOUT, INT8, ONNX, read_about
from fusehr.models.distilled.export import export_student
from fusehr.models.distilled.exported import RUNTIMES, ExportedStudent, Runtime, load_exported
from fusehr.models.distilled.student import SHAPE, WEIGHTS, load_student
from fusehr.models.distilled.tokens import load_tokenizer, tokenise

from .small_student import TEXTS, about, drawn, export, small_student, tokenizer

SCRIPT = Path(__file__).with_name("small_student.py")
FILES = {ABOUT, INT8, ONNX, SHAPE, WEIGHTS, "tokenizer.json", "tokenizer_config.json"}
Load = Callable[[Runtime], ExportedStudent]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("students") / "next_diagnoses")


@pytest.fixture(scope="module")
def load(folder: Path) -> Load:
    return lambda runtime: load_exported(folder, runtime)


@pytest.fixture(scope="module")
def logits(folder: Path) -> np.ndarray:
    """Of TEXTS, each alone, by the student that was exported."""
    student, texts = small_student(), load_exported(folder, "torch").tokens(TEXTS)
    with torch.inference_mode():
        rows = [student(texts.batch(torch.tensor([k]))) for k in range(len(TEXTS))]
    return torch.cat(rows).numpy()


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 9], [8], list(range(40))])
def test_onnx_gives_torchs_logits_of_ragged_batches(
    load: Load, logits: np.ndarray, rows: list[int]
) -> None:
    student = load("onnx")
    batch = student.tokens(TEXTS).batch(torch.tensor(rows))
    assert len(rows) == 1 or not batch.mask.all()
    assert np.abs(student.run(batch) - logits[rows]).max() < 1e-4


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_runtimes_give_the_students_probabilities(
    load: Load, logits: np.ndarray, runtime: Runtime
) -> None:
    p, lost = load(runtime).probabilities(TEXTS)
    assert np.abs(p - sigmoid(logits)).max() < 1e-5
    assert p.std(axis=0).max() > 0.1
    assert 5 < (lost > 0).sum() < 35


def test_int8_is_close(load: Load) -> None:
    """Measured: mean difference .004, largest .04, rank correlations of .998 and more."""
    texts = drawn(300)
    exact, p = (load(runtime).probabilities(texts)[0] for runtime in ("torch", "int8"))
    assert 0 < np.abs(p - exact).mean() < 0.01
    assert np.abs(p - exact).max() < 0.08
    ranks = rankdata(p, axis=0), rankdata(exact, axis=0)
    for one, other in zip(ranks[0].T, ranks[1].T, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.99


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_text_depends_on_its_neighbours(load: Load, runtime: Runtime) -> None:
    student = load(runtime)
    tokens = student.tokens(TEXTS)
    alone = np.concatenate([student.run(tokens.batch(torch.tensor([k]))) for k in range(9)])
    together = student.run(tokens.batch(torch.arange(len(TEXTS))))[:9]
    backwards = student.run(tokens.batch(torch.arange(8, -1, -1)))[::-1]
    assert np.abs(sigmoid(together) - sigmoid(alone)).max() < 1e-5
    assert np.abs(sigmoid(backwards) - sigmoid(alone)).max() < 1e-5
    few, many = student.probabilities(TEXTS[3:5])[0], student.probabilities(TEXTS)[0]
    np.testing.assert_array_equal(few, many[3:5])


def test_padding_has_no_say(load: Load) -> None:
    student = load("onnx")
    batch = student.tokens(TEXTS).batch(torch.tensor([0, 9]))
    other = torch.where(batch.mask, batch.ids, 4321)
    changed = student.run(type(batch)(other, batch.mask, batch.sections))
    np.testing.assert_allclose(changed, student.run(batch), atol=1e-6)


def test_exclusive_classes_sum_to_one(copy: Path) -> None:
    write_json(copy / ABOUT, read_json(copy / ABOUT) | {"exclusive": True})
    student = load_exported(copy)
    p = student.probabilities(TEXTS)[0]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    tokens = student.tokens(TEXTS)
    np.testing.assert_array_equal(
        student.run(tokens.batch(torch.arange(40))).argmax(axis=1), p.argmax(axis=1)
    )


def test_every_file_is_the_same_from_another_process_and_folder(
    folder: Path, tmp_path: Path
) -> None:
    again, elsewhere = tmp_path / "again", tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(again)],
        cwd=elsewhere,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert {path.name for path in again.iterdir()} == FILES
    for name in sorted(FILES):
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name


def test_no_file_names_this_host(folder: Path) -> None:
    repository = Path(__file__).parents[3]
    paths = (repository, Path(sys.prefix), Path.home(), folder.parent, Path(torch.__file__).parent)
    hints = [*(str(path) for path in paths), "site-packages", "modeling_bert", ".py", "File \\"]
    for file in folder.iterdir():
        content = file.read_bytes()
        for hint in hints:
            assert hint.encode() not in content, (file.name, hint)


def test_graphs_have_no_notes_and_8_bit_words(folder: Path) -> None:
    for name in (ONNX, INT8):
        model = onnx.load(folder / name)
        assert not model.metadata_props and not model.producer_version
        assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
        axes = [[d.dim_param for d in i.type.tensor_type.shape.dim] for i in model.graph.input]
        assert [i.name for i in model.graph.input] == ["ids", "mask"]
        assert axes == [["b", "l"], ["b", "l"]]
    assert (folder / INT8).stat().st_size < 0.27 * (folder / ONNX).stat().st_size


def test_about_and_student_come_back(folder: Path) -> None:
    assert read_about(folder) == about()
    own, read = small_student().state_dict(), load_student(folder).state_dict()
    assert own.keys() == read.keys()
    assert all(torch.equal(own[name], read[name]) for name in own)


def test_tokenizer_comes_back_whatever_it_did_before(folder: Path, tmp_path: Path) -> None:
    used, texts = tokenizer(), [*TEXTS, "Zürich, non-A 4.5µg"]
    used(texts, truncation=True, max_length=4, padding=True)
    export_student(tmp_path, small_student(), used, about())
    assert (tmp_path / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    starts = [[0]] * len(texts)
    read, fresh = (
        tokenise(one, texts, starts, around=about().around, max_tokens=24)
        for one in (load_tokenizer(folder), tokenizer())
    )
    assert torch.equal(read.ids, fresh.ids)


def test_export_leaves_the_student_as_it_was(tmp_path: Path) -> None:
    student = small_student().train()
    export_student(tmp_path, student, tokenizer(), about())
    assert student.training and student.head.training
    assert student.body.config._attn_implementation == "sdpa"


def test_about_must_fit_the_student(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(InputError, match="classes: expected the student's 3, found 2"):
        export_student(tmp_path, small_student(), tokenizer(), about(classes=about().classes[:2]))
    with pytest.raises(InputError, match="max_tokens: expected the student's 24, found 30"):
        export_student(tmp_path, small_student(), tokenizer(), about(max_tokens=30))
    told = read_json(copy / ABOUT)
    write_json(copy / ABOUT, told | {"classes": told["classes"][:2]})
    with pytest.raises(InputError, match="classes: expected the model's 3, found 2"):
        load_exported(copy)
    write_json(copy / ABOUT, told | {"classes": [*told["classes"][:2], told["classes"][0]]})
    with pytest.raises(InputError, match="expected each name once"):
        load_exported(copy)
    write_json(copy / ABOUT, {name: value for name, value in told.items() if name != "alpha"})
    with pytest.raises(InputError, match=r"about.json: student.alpha: missing"):
        load_exported(copy)


@pytest.mark.parametrize(("runtime", "name"), [("torch", WEIGHTS), ("onnx", ONNX), ("int8", INT8)])
def test_missing_and_broken_files_are_named(copy: Path, runtime: Runtime, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(InputError, match=f"{name}: expected a file, found none"):
        load_exported(copy, runtime)
    if runtime != "torch":
        (copy / name).write_bytes(b"no graph")
        with pytest.raises(InputError, match=f"{name}: expected an ONNX graph"):
            load_exported(copy, runtime)
