"""Facts of one case, as a caller tells it, against what the stage wrote of the same sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.serve.cases.case import Case
from fusehr.serve.demo.cases_of_samples import cases_of
from fusehr.serve.demo.retrieval import Retrieval, recorded

from .conftest import BLOCK

TASKS = ("triage", "mortality", "next_diagnoses")


@pytest.fixture(scope="module")
def root(few: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose outputs are those of the world `few`."""
    root = tmp_path_factory.mktemp("repository")
    (root / "data/rag").mkdir(parents=True)
    (root / "data/tables").symlink_to(few.tables)
    for path in few.rag.iterdir():
        (root / "data/rag" / path.name).symlink_to(path)
    (root / "data/rag/knowledge").symlink_to(few.knowledge)
    (root / "params.yaml").write_text(yaml.safe_dump({"rag": BLOCK}))
    return root


@pytest.mark.parametrize("task", TASKS)
def test_a_case_has_the_signals_diseases_and_own_pairs_of_its_sample(
    root: Path, few: Any, task: str
) -> None:
    samples = few.frame("samples")
    chosen = samples.loc[samples["task"] == task, "sample_id"].iloc[::7].head(6).tolist()
    facts = pd.read_parquet(root / "data/rag/facts.parquet")
    retrieval = Retrieval(root)
    for sample, case in zip(chosen, cases_of(root, task, chosen), strict=True):
        found, told = retrieval.of_case(case), recorded(root, sample)
        # what stands before the facts, and how many of these there are
        assert parts(found.summary, found.facts) == parts(told.summary, told.facts)
        assert len(found.facts) == len(told.facts)
        own = facts[(facts["sample_id"] == sample) & (facts["kind"] == "own_pair")]
        assert set(own["text"]) <= set(found.facts)


def parts(summary: str, facts: tuple[str, ...]) -> list[str]:
    sentences = summary.removesuffix(".").split(". ")
    return [one for one in sentences if not any(fact.startswith(one) for fact in facts)][:3]


def test_a_case_in_few_words(root: Path) -> None:
    case = Case(vitals={"spo2": 80.0}, text="Known heart failure. Denies falls. Mother had asthma.")
    found = Retrieval(root).of_case(case)
    assert "oxygen saturation too low (80 %)" in found.summary
    assert "heart failure" in found.summary
    assert not [fact for fact in found.facts if "asthma" in fact]


def test_a_graph_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"rag": BLOCK}))
    with pytest.raises((InputError, OSError), match=r"fitted\.json"):
        Retrieval(tmp_path)


def test_diseases_that_a_chat_model_finds_are_not_looked_for(tmp_path: Path) -> None:
    block = {**BLOCK, "extraction": "chat:http://127.0.0.1:9"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"rag": block}))
    with pytest.raises(InputError, match=r"rag\.extraction: expected rules"):
        Retrieval(tmp_path)
