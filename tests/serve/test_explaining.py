"""Explanations of a small network whose answers are known: sums, shapes, the order of sentences."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from fusehr.core.frame.params import validate
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.images import AugmentationParams, ResNetParams
from fusehr.core.params.model import NotesParams
from fusehr.models.networks.batch import Batch, Tokens
from fusehr.models.networks.image_encoder import small_resnet
from fusehr.models.networks.inputs.modality import FittedInputs, RaggedTokens, ragged
from fusehr.models.networks.triage import ImageBranch, TextBranch, TriageFusion
from fusehr.models.text.tfidf import HashedWords
from fusehr.serve.cases.case import Case, Note
from fusehr.serve.cases.sentences import write_sentences
from fusehr.serve.cases.tables import BLANK, Ready, sample_id, task_samples, write_tables
from fusehr.serve.predictors.explaining import explanation, sentences_read
from fusehr.train.engine.contract import Source
from fusehr.train.engine.neural import NeuralFitted
from fusehr.train.engine.task import ROWS

CLASSES = ("high", "low", "medium")
WIDTH, SIDE = 6, 16
PLAIN = AugmentationParams(
    flip=False, shift=0, rotation=0.0, brightness=0.0, contrast=0.0, blur=0.0
)
TEXTS = ["Pale.", "Restless.", "No fever.", "Short of breath."]


def fitted(*, image: bool = True, pixels: bool = True) -> NeuralFitted:
    """Two samples: one with four sentences and an image, if it has any, and one with nothing."""
    torch.manual_seed(0)
    encoder = None
    if pixels:
        sizes = ResNetParams(embedding_size=8, widths=[8, 16], depths=[1, 1])
        encoder = small_resnet(sizes, PLAIN, dtype="float32")
    network = TriageFusion(
        TextBranch(WIDTH, d_model=8, heads=2, dropout=0.0),
        ImageBranch(encoder.width if encoder else WIDTH, encoder),
        3,
        hidden=12,
        dropout=0.0,
        hide_share=0.0,
    )
    rng = np.random.default_rng(1)
    notes = rng.standard_normal((4, WIDTH)).astype(np.float32)
    pictures: Any = rng.standard_normal((1, WIDTH)).astype(np.float32)
    if pixels:
        pictures = rng.integers(0, 256, (1, 1, SIDE, SIDE), dtype=np.uint8)
    seen = np.zeros(1 if image else 0, np.int64)
    inputs = FittedInputs(
        {
            "notes": ragged(notes, np.zeros(4, np.int64), np.arange(4), n=2),
            "images": ragged(pictures, seen, seen, n=2),
        },
        torch.zeros(2, 3),
    )
    of: Any = SimpleNamespace(samples=task_samples(1, "triage", CLASSES))
    return NeuralFitted(of, inputs, network, 0)


def changed(one: NeuralFitted) -> np.ndarray:
    """(3,) the logits of the first sample less those of tokens of zeros."""
    network: Any = one.network.eval()
    with torch.no_grad():
        whole = network.floats(one.inputs.batch(torch.tensor([0])))
        zeros = Batch(
            {k: Tokens(torch.zeros_like(t.values), t.mask) for k, t in whole.tokens.items()}
        )
        return (network(whole) - network(zeros))[0].numpy()


def test_what_sentences_and_picture_add_sums_to_the_change_of_the_logit() -> None:
    one = fitted()
    found = explanation(one, TEXTS, CLASSES, steps=64)
    assert found.added.shape == (3, 4) and found.added_by_image is not None
    total = found.added.sum(axis=1) + found.added_by_image
    np.testing.assert_allclose(total, changed(one), atol=0.02, rtol=0.02)
    assert found.attention is not None and found.attention.sum() == pytest.approx(1, abs=1e-5)
    assert found.tokens == tuple(TEXTS)


def test_grad_cam_is_as_large_as_the_picture_and_brightest_at_1() -> None:
    one = fitted()
    found = explanation(one, TEXTS, CLASSES, steps=2).maps
    assert found is not None and found.shape == (3, SIDE, SIDE)
    network: Any = one.network
    batch = one.inputs.batch(torch.tensor([0]))
    for k in range(3):
        np.testing.assert_array_equal(found[k], network.grad_cam(batch, k)[0].numpy())
        assert found[k].min() >= 0 and found[k].max() in (0, pytest.approx(1))
    assert found.max() == pytest.approx(1)


def test_classes_are_told_in_the_order_that_they_are_asked_in() -> None:
    one = fitted()
    there, back = (explanation(one, TEXTS, names, steps=2) for names in (CLASSES, CLASSES[::-1]))
    np.testing.assert_allclose(there.added, back.added[::-1], atol=1e-6)
    assert there.maps is not None and back.maps is not None
    np.testing.assert_array_equal(there.maps, back.maps[::-1])


def test_without_an_image_nothing_is_said_of_one() -> None:
    one = fitted(image=False)
    found = explanation(one, TEXTS, CLASSES, steps=64)
    assert found.maps is None and found.added_by_image is None
    np.testing.assert_allclose(found.added.sum(axis=1), changed(one), atol=0.02, rtol=0.02)


def test_an_image_that_comes_as_a_vector_adds_to_the_logit_but_has_no_map() -> None:
    found = explanation(fitted(pixels=False), TEXTS, CLASSES, steps=8)
    assert found.maps is None and found.added_by_image is not None


@pytest.fixture
def notes() -> NotesParams:
    root = Path(__file__).parents[2]
    block = yaml.safe_load((root / "params.yaml").read_text())["model"]["notes"]
    return validate({**block, "most_notes": 2, "most_tokens": 4}, NotesParams, "model.notes")


def test_sentences_are_those_of_the_newest_notes_in_their_order(
    tmp_path: Path, notes: NotesParams
) -> None:
    case = Case(
        notes=[
            Note(kind="nursing", text="Too old to be read.", hours=9),
            Note(kind="nursing", text="Slept well. Ate little. Walked.", hours=3),
            Note(kind="progress", text="Febrile since noon. Ate little.", hours=1),
            Note(kind="discharge", text="Of a kind that is not read.", hours=0),
        ]
    )
    tables, embed = tmp_path / "tables", tmp_path / "embed"
    for folder in (tables, embed):
        folder.mkdir()
    written = write_tables(tables, [Ready(case, ())], "triage", window_hours=None)
    write_sentences(embed, written.notes, HashedWords(16))
    with open_tables(tables, ("samples", "notes"), threads=1) as con:
        con.execute(ROWS, {"sample_ids": [sample_id(0), BLANK]})
        samples = task_samples(1, "triage", CLASSES)
        read = sentences_read(con, samples, Source(con, tables, 1), notes)
    assert read == ["Febrile since noon.", "Ate little.", "Slept well.", "Ate little."]


def test_a_case_without_notes_has_no_sentences() -> None:
    one = fitted()
    nothing = RaggedTokens(torch.zeros(1, WIDTH), torch.zeros(0).long(), torch.zeros(3).long())
    inputs = FittedInputs({**one.inputs.modalities, "notes": nothing}, one.inputs.labels)
    found = explanation(NeuralFitted(one.of, inputs, one.network, 0), [], CLASSES, steps=4)
    assert found.tokens == () and found.added.shape == (3, 0)
    assert found.maps is not None
