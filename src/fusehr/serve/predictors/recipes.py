"""Trained recipes: cases are written as tables, and read by the code that training uses."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.frame.tasks import base
from fusehr.core.gate.availability import open_tables
from fusehr.core.params.embed import EmbedParams
from fusehr.core.params.images import ImageParams
from fusehr.core.params.rag import RagParams
from fusehr.core.params.tables import TablesParams
from fusehr.core.params.train import ExplainedParams
from fusehr.core.pictures import grey_square
from fusehr.models.networks.inputs.modality import FittedInputs
from fusehr.serve.cases.case import Case
from fusehr.serve.cases.facts import FactCounter
from fusehr.serve.cases.image_vectors import fitted_image_encoder, write_image_vectors
from fusehr.serve.cases.sentences import fitted_text_encoder, write_sentences
from fusehr.serve.cases.tables import (
    BLANK,
    Ready,
    Written,
    sample_id,
    since_hours,
    task_samples,
    write_tables,
)
from fusehr.serve.predictors.contract import About, Explanation, Recalibration
from fusehr.serve.predictors.explaining import explanation, sentences_read
from fusehr.serve.predictors.explaining_ensemble import Seen, ensemble_explanation
from fusehr.serve.predictors.results import Result, load_result
from fusehr.serve.scratch import scratch_folder
from fusehr.train.engine.contract import Modality, Source
from fusehr.train.engine.neural import NeuralFitted, NeuralInputs
from fusehr.train.engine.task import ROWS
from fusehr.train.multitask.inputs import TaskModalities, fitted_inputs
from fusehr.train.recipes.fusehr import Fusehr
from fusehr.train.recipes.triage_fusion import TriageFusionRecipe

T = TypeVar("T")

FEWEST = Case(vitals={"heart_rate": 80.0})  # a case with little in it, to see shapes by


class RecipePredictor(ABC):
    """Common to trained recipes. root: of the repository whose outputs are read."""

    def __init__(self, root: Path, result: Result) -> None:
        self._root, self._result = root, result
        self._params = read_yaml(root / "params.yaml")
        self._size = _image_size(root) if "images" in result.about.reads else 0
        self._window: float | None = None
        if base(result.about.task) == "deterioration":
            tables = validate(lookup(self._params, "tables"), TablesParams, "tables")
            self._window = tables.deterioration.window_hours

    @property
    def about(self) -> About:
        """Which model this is."""
        return self._result.about

    @property
    def recalibration(self) -> Recalibration:
        """Fitted on its validation predictions."""
        return self._result.recalibration

    def prepare(self, case: Case) -> Ready:
        """The case with its images decoded, where the model sees any."""
        if not self._size:
            return Ready(case.model_copy(update={"image": None, "images": []}), ())
        pixels = tuple(grey_square(one.data, self._size) for one in case.all_images)
        return Ready(case, pixels)

    def predict(self, prepared: Sequence[Ready], without: Collection[Modality] = ()) -> np.ndarray:
        """Probabilities float64 (n, n_classes)."""
        if not prepared:
            return np.empty((0, len(self.about.classes)))
        p = self._in_tables(prepared, partial(self._of_samples, without=tuple(without)))
        return p[:-1]

    def predict_without(
        self, prepared: Ready, variants: Sequence[Collection[Modality]]
    ) -> np.ndarray:
        """Probabilities float64 (n_variants, n_classes), of tables that are written once."""

        def each(source: Source, samples: TaskSamples) -> np.ndarray:
            found = [self._of_samples(source, samples, tuple(one))[0] for one in variants]
            return np.array(found).reshape(-1, len(self.about.classes))

        return self._in_tables([prepared], each)

    def _in_tables(self, prepared: Sequence[Ready], work: Callable[[Source, TaskSamples], T]) -> T:
        """What `work` makes of the cases, and of BLANK behind them, once they are tables."""
        with scratch_folder() as root:
            folders = {name: root / name for name in ("tables", "embed", "rag", "train/images")}
            for folder in folders.values():
                folder.mkdir(parents=True)
            task, tables = self.about.task, folders["tables"]
            written = write_tables(tables, prepared, task, window_hours=self._window)
            self._write(folders, written)
            samples = task_samples(len(prepared), task, self.about.classes)
            ids = [*(sample_id(row) for row in range(len(prepared))), BLANK]
            with open_tables(tables, self._result.recipe.tables, threads=1) as con:
                con.execute(ROWS, {"sample_ids": ids})
                return work(Source(con, tables, 1), samples)

    @property
    def _steps(self) -> int:
        path = "train.explained"
        return validate(lookup(self._params, path), ExplainedParams, path).steps

    @abstractmethod
    def _write(self, folders: dict[str, Path], written: Written) -> None:
        """What the stages between tables and train would have made of them."""

    @abstractmethod
    def _of_samples(
        self, source: Source, samples: TaskSamples, without: tuple[Modality, ...]
    ) -> np.ndarray:
        """Probabilities (n_samples, n_classes)."""

    @cached_property
    def _image_encoder(self) -> Any:
        params = validate(lookup(self._params, "train.images"), ImageParams, "train.images")
        return fitted_image_encoder(self._root / "data/train/images", params)

    def _write_image_vectors(self, folders: dict[str, Path], written: Written) -> None:
        encoder = self._image_encoder
        if encoder is None:
            raise InputError("data/train/images: expected an image encoder, found none")
        folder = folders["train/images"]
        write_image_vectors(folder, written.image_ids, written.pixels, encoder)


class TriageFusionPredictor(RecipePredictor):
    """Sentences and the newest chest image."""

    def __init__(self, root: Path, result: Result) -> None:
        super().__init__(root, result)
        assert isinstance(result.recipe, TriageFusionRecipe)
        # weights that the network begins with before it is given its own
        self._recipe = dataclasses.replace(result.recipe, fitted_images=root / "data/train/images")
        if "notes" in result.about.reads:
            params = validate(lookup(self._params, "embed"), EmbedParams, "embed")
            self._text_encoder = fitted_text_encoder(root / "data/embed", params)
        self._network: nn.Module | None = None
        self.predict([self.prepare(FEWEST)])

    def _write(self, folders: dict[str, Path], written: Written) -> None:
        if "notes" in self.about.reads:
            write_sentences(folders["embed"], written.notes, self._text_encoder)
        if self._recipe.params.image_encoder == "pool":
            self._write_image_vectors(folders, written)

    def _of_samples(
        self, source: Source, samples: TaskSamples, without: tuple[Modality, ...]
    ) -> np.ndarray:
        fitted = self._fitted(source, samples)
        return fitted.predict(np.arange(len(samples.samples)), without)

    def explain(self, prepared: Ready, classes: Sequence[str]) -> Explanation:
        """Of sentences by integrated gradients, of the picture by Grad-CAM."""

        def explained(source: Source, samples: TaskSamples) -> Explanation:
            fitted = self._fitted(source, samples)
            read: list[str] = []
            if "notes" in self.about.reads:
                read = sentences_read(source.con, samples, source, self._recipe.shared.notes)
            return explanation(fitted, read, classes, steps=self._steps)

        return self._in_tables([prepared], explained)

    def _fitted(self, source: Source, samples: TaskSamples) -> NeuralFitted:
        read = {name: self._recipe.load(source, samples, name) for name in self._recipe.modalities}
        inputs = FittedInputs(read, torch.from_numpy(samples.labels.astype(np.float32)))
        if self._network is None:
            self._network = self._loaded(inputs.widths)
        return NeuralFitted(NeuralInputs(self._recipe, samples, read), inputs, self._network, 0)

    def _loaded(self, widths: dict[str, int]) -> nn.Module:
        about = self.about
        network = self._recipe.network(widths, len(about.classes), about.task)
        load_weights(network, self._result.stem.with_suffix(".safetensors"))
        return network


class FusehrPredictor(RecipePredictor):
    """Networks over all tasks, and boosted trees."""

    def __init__(self, root: Path, result: Result) -> None:
        super().__init__(root, result)
        assert isinstance(result.recipe, Fusehr)
        if result.recipe.params.variables == "all":
            raise InputError(
                "recipes.fusehr.variables: expected names of variables to serve this model, "
                "found all"
            )
        about = result.about
        self._restored = result.recipe.restored(result.stem, about.task, about.classes)
        self._facts: FactCounter | None = None
        if {"findings", "relations"} & set(about.reads):
            rag = validate(lookup(self._params, "rag"), RagParams, "rag")
            self._facts = FactCounter(root / "data/rag/knowledge", rag)
        self.predict([self.prepare(FEWEST)])

    def _write(self, folders: dict[str, Path], written: Written) -> None:
        if self._facts is not None:
            self._facts.write(folders["tables"], folders["rag"])
        if "images" in self.about.reads:
            self._write_image_vectors(folders, written)

    def _of_samples(
        self, source: Source, samples: TaskSamples, without: tuple[Modality, ...]
    ) -> np.ndarray:
        return self._restored.predict(source, samples, without)

    def explain(self, prepared: Ready, classes: Sequence[str]) -> Explanation:
        """Of the networks' inputs by integrated gradients, of the newest picture by Grad-CAM."""
        restored, of_images = self._restored, prepared.case.all_images
        common, seen = restored.saved.common, None
        since = since_hours(prepared.case)
        current = [k for k, one in enumerate(of_images) if one.hours <= since]
        if current and "images" in common.columns:
            newest = min(range(len(current)), key=lambda k: of_images[current[k]].hours)
            pixels = np.stack([prepared.pixels[k] for k in current])
            seen = Seen(self._image_encoder, pixels, newest, common.columns["images"])

        def explained(source: Source, samples: TaskSamples) -> Explanation:
            read = restored.recipe.inputs(source, samples).modalities
            matrix = restored.saved.layout.arranged(read.matrix)
            return ensemble_explanation(
                # the first network was kept for validation samples
                [member.network for member in restored.members[1:]],
                fitted_inputs(TaskModalities(samples, matrix, read.series), common),
                self.about.task,
                [(self.about.classes.index(name), name) for name in classes],
                common.columns,
                {name: one.read(matrix)[0] for name, one in common.columns.items()},
                seen=seen,
                share=restored.recipe.params.network.share,
                steps=self._steps,
            )

        return self._in_tables([prepared], explained)


def load_weights(network: nn.Module, path: Path) -> None:
    """Give `network` the weights in `path`; InputError where it lacks some or has others."""
    if not path.is_file():
        raise InputError(f"{path}: expected weights, found no file; run `dvc repro`")
    try:
        network.load_state_dict(load_file(path))
    except RuntimeError:
        raise InputError(
            f"{path}: expected weights of the recipe in recipe.json, found others; run `dvc repro`"
        ) from None


def load_triage_fusion(root: Path, task: str, seed: int | None) -> TriageFusionPredictor:
    """The trained recipe `triage_fusion`."""
    return TriageFusionPredictor(root, load_result(root, "triage_fusion", task, seed))


def load_fusehr(root: Path, task: str, seed: int | None) -> FusehrPredictor:
    """The trained recipe `fusehr`."""
    return FusehrPredictor(root, load_result(root, "fusehr", task, seed))


def _image_size(root: Path) -> int:
    """Of the pictures that models were trained on; 0 where the source has none."""
    path = root / "data/tables/images.npy"
    if not path.is_file():
        raise InputError(f"{path}: expected the images of training, whose size is needed")
    return int(np.load(path, mmap_mode="r").shape[-1])
