"""Boosting on facts: what the room `rag` counted is an input, and nothing stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet
from fusehr.core.rag_schemas import FACT_COUNTS

from .conftest import Train


@pytest.fixture
def with_facts(make_tables: Callable[..., Path], tmp_path: Path) -> Path:
    """Tables, and beside them a fact that tells mortality's label in 9 of 10 samples."""
    tables = make_tables(tmp_path / "data" / "tables", patients=300)
    label = pd.read_parquet(tables / "label.parquet").query("task == 'mortality'")
    rng = np.random.default_rng(0)
    told = rng.random(len(label)) < np.where(label["label_value"] == 1, 0.9, 0.1)
    counts = pd.DataFrame(
        {
            "sample_id": label["sample_id"],
            "feature": np.where(told, "pair/contraindication", "pair/indication"),
            "value": 1.0,
        }
    )
    write_parquet(tables.parent / "rag" / "fact_counts.parquet", counts, FACT_COUNTS)
    return tables


def _auroc(folder: Path) -> float:
    rows = pd.read_parquet(folder / "predictions.parquet").query("variant == 'full'")
    rows = rows[(rows["task"] == "mortality") & (rows["fold"] == "test")]
    return float(roc_auc_score(rows["y"], rows["p"]))


def test_facts_add_to_the_aggregates(trained: Train, with_facts: Path) -> None:
    small = {"max_iter": 40, "min_samples_leaf": 10}
    of_facts = {f"recipes__gbm_facts__{name}": value for name, value in small.items()}
    facts = _auroc(trained("gbm_facts", with_facts, **of_facts))
    assert facts > 0.85
    assert facts > _auroc(trained("gbm", with_facts)) + 0.05


def test_without_the_file_the_run_stops(trained: Train, tables: Path) -> None:
    with pytest.raises(InputError, match=r"rag/fact_counts.parquet: expected table fact_counts"):
        trained("gbm_facts", tables)


def test_a_source_without_facts_still_has_its_series(
    trained: Train, make_tables: Callable[..., Path], tmp_path: Path
) -> None:
    tables = make_tables(tmp_path / "data" / "tables", patients=100)
    empty = pd.DataFrame({name: [] for name in FACT_COUNTS.arrow().names})
    write_parquet(tables.parent / "rag" / "fact_counts.parquet", empty, FACT_COUNTS)
    folder = trained("gbm_facts", tables, recipes__gbm_facts__max_iter=5)
    assert len(pd.read_parquet(folder / "predictions.parquet")) > 0
