"""Few-shot prompting: a chat model is shown the train cases most alike, and asked for triage.

Nothing is fitted. The examples of a case are train cases of the round, the nearest by the cosine of
the mean vector of their sentences; of a case without one, by the distance of its vital signs. The
model says a probability for each level in words (as in Tian et al., "Just Ask for Calibration",
EMNLP 2023), because not every endpoint gives those of its tokens.

An answer that is no such thing, and a case of which nothing is known (that one is not asked about),
gets the shares of the levels among train cases. Each predicted case is asked about once with all
that is known of it and once with each modality withheld; answers are kept, so a second run asks
nothing. Prompts hold text of notes: they go to the endpoint and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from fusehr.core.cache_folder import cache_folder
from fusehr.core.chat.answers import Answers
from fusehr.core.chat.client import Chat
from fusehr.core.cohort import TaskSamples
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_json
from fusehr.core.frame.params import frozen
from fusehr.core.frame.stage import say
from fusehr.core.frame.tasks import TRIAGE_CLASSES
from fusehr.core.params.chat import ChatParams, chat_url, rule_or_chat
from fusehr.core.params.train import Seeds
from fusehr.train.engine.contract import Fit, Modality, RecipeParams, Skip, Source
from fusehr.train.fewshot.answer import probabilities
from fusehr.train.fewshot.cases import TABLES, Cases, no_cases, with_notes, with_vitals
from fusehr.train.fewshot.nearest import Nearest, nearest_among
from fusehr.train.fewshot.prompt import described, instruction, prompt

SHARED = (Seeds,)

NO_ENDPOINT = "none"


@frozen
class Params(RecipeParams):
    """Block `recipes.triage_fewshot`."""

    modalities: Annotated[tuple[Literal["series", "notes"], ...], Field(min_length=1)]
    endpoint: str
    k: Annotated[int, Field(ge=0)]
    vitals: Annotated[dict[str, str], Field(min_length=1)]
    most_characters: Annotated[int, Field(ge=1)]
    chat: ChatParams

    @field_validator("modalities")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"expected each modality once, found {', '.join(names)}")
        return names

    @property
    def units(self) -> dict[str, str]:
        """vital -> unit, by name: DVC knows no order of what params.yaml maps."""
        return dict(sorted(self.vitals.items()))

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        return rule_or_chat(value, NO_ENDPOINT)


@dataclass(frozen=True)
class TriageFewshot:
    """The recipe."""

    params: Params
    tables: tuple[str, ...] = TABLES

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """As configured."""
        return self.params.modalities

    def inputs(self, source: Source, samples: TaskSamples) -> _Inputs:
        """Vitals and notes; raises Skip without an endpoint, and for every task but one."""
        params, url = self.params, chat_url(self.params.endpoint)
        if samples.kind != "multiclass":
            raise Skip("asks for one of several levels, which triage alone has")
        if url is None:
            raise Skip(
                f"endpoint: {params.endpoint}; name chat:<url> of an OpenAI-compatible one in "
                "recipes.triage_fewshot.endpoint"
            )
        cases = no_cases(len(samples.samples), len(params.vitals))
        if "series" in params.modalities:
            cases = with_vitals(cases, source.con, samples.task, list(params.units))
        if "notes" in params.modalities:
            most = params.most_characters
            cases = with_notes(cases, source.con, samples.task, source.embed, most_characters=most)
        if not (cases.with_vitals | cases.with_text).any():
            raise Skip(f"needs {' or '.join(params.modalities)}: the source has none for this task")
        chat = Chat(url, params.chat, Answers(cache_folder("chat")))
        return _Inputs(params, samples, cases, chat)


@dataclass(frozen=True)
class _Inputs:
    params: Params
    samples: TaskSamples
    cases: Cases
    chat: Chat

    def fit(self, fit: Fit) -> _Fitted:
        """Train cases to choose examples from, and the shares of their levels."""
        train = fit.fold.train
        patients = self.samples.samples["patient_id"].to_numpy()
        shares = self.samples.labels[train].mean(axis=0)
        return _Fitted(self, fit.name, nearest_among(self.cases, train, patients), shares)


@dataclass(frozen=True)
class _Fitted:
    inputs: _Inputs
    name: str
    nearest: Nearest
    shares: np.ndarray  # (n_classes,)

    def predict(self, rows: np.ndarray, without: Collection[Modality] = ()) -> np.ndarray:
        inputs, levels = self.inputs, self.inputs.samples.classes
        cases = inputs.cases.lacking(without)
        known = np.flatnonzero((cases.with_vitals | cases.with_text)[rows])
        prompts = [self._prompt(cases, row) for row in rows[known].tolist()]
        told = [
            probabilities(answer, levels) for answer in inputs.chat.ask(self.instruction, prompts)
        ]
        self._count_malformed(sum(one is None for one in told), len(told))
        p = np.tile(self.shares, (len(rows), 1))  # (n_classes,) -> (n_rows, n_classes)
        for place, one in zip(known, told, strict=True):
            if one is not None:
                p[place] = one
        return p

    def save(self, stem: Path) -> None:
        write_json(stem.with_suffix(".json"), self.summary())

    def summary(self) -> dict[str, Any]:
        cases, train = self.inputs.cases, self.nearest.rows
        return {
            "backend": self.inputs.chat.name,
            "examples": min(self.inputs.params.k, len(train)),
            "instruction": self.instruction,
            "prevalence": self._by_level(),
            "train_with_text": int(cases.with_text[train].sum()),
            "train_with_vitals": int(cases.with_vitals[train].sum()),
        }

    @property
    def instruction(self) -> str:
        """What the model is told before every case."""
        return instruction(self._by_level(), cases=len(self.nearest.rows))

    def _by_level(self) -> dict[str, float]:
        """Shares among train cases, the most urgent level first."""
        shares = dict(zip(self.inputs.samples.classes, self.shares.tolist(), strict=True))
        return {level: shares[level] for level in TRIAGE_CLASSES if level in shares}

    def _prompt(self, cases: Cases, row: int) -> str:
        patient = int(self.inputs.samples.samples["patient_id"].iloc[row])
        chosen = self.nearest.to(cases, row, patient=patient, k=self.inputs.params.k)
        examples = [(self._words(self.inputs.cases, one), self._level(one)) for one in chosen]
        return prompt(examples[::-1], self._words(cases, row))

    def _words(self, cases: Cases, row: int) -> str:
        return described(cases.vitals[row], self.inputs.params.units, cases.texts[row])

    def _level(self, row: int) -> str:
        """The recorded level of a train case."""
        return self.inputs.samples.classes[int(self.inputs.samples.labels[row].argmax())]

    def _count_malformed(self, malformed: int, asked: int) -> None:
        params = self.inputs.params.chat
        if malformed > params.max_malformed_share * asked:
            levels = ", ".join(self._by_level())
            raise InputError(
                f"{self.inputs.chat.url}: {params.model}: expected a JSON object of probabilities "
                f"of {levels}, found something else for {malformed} of {asked} cases "
                "(recipes.triage_fewshot.chat.max_malformed_share)"
            )
        if malformed:
            say(
                f"{self.name}: {malformed} of {asked} answers hold no probabilities; these cases "
                "have the shares of train cases"
            )


def build(params: Params, shared: Seeds) -> TriageFewshot:
    """The recipe `triage_fewshot`."""
    return TriageFewshot(params)
