"""Copying the diagnoses of the visit just ended: which visit, which rates, which tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from fusehr.core.cohort import TaskSamples, load_rounds, load_task
from fusehr.core.folds import fold_rows
from fusehr.core.frame.tasks import TASKS, Task
from fusehr.core.gate.availability import open_tables
from fusehr.train.engine.contract import Fit, Fitted, Fold, Skip, Source
from fusehr.train.engine.task import ROWS
from fusehr.train.recipes.previous_diagnoses import Params, build

NEEDS = ("src/fusehr/__init__.py",) * 5
PARAMS = Params(
    module="previous_diagnoses",
    modalities=("codes",),
    shared=("train.seeds", "train.threads"),
    needs=NEEDS,
)
RECIPE = build(PARAMS, [1])


@contextmanager
def opened(tables: Path, task: Task) -> Iterator[tuple[Source, TaskSamples]]:
    """What the engine hands a recipe."""
    samples = load_task(tables, task)
    with open_tables(tables, RECIPE.tables, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        yield Source(con, tables, 1), samples


def fitted(tables: Path) -> tuple[Fitted, TaskSamples, Fold]:
    with opened(tables, "next_diagnoses") as (source, samples):
        inputs = RECIPE.inputs(source, samples)
    (fold,) = fold_rows(samples, load_rounds(tables))
    return inputs.fit(Fit(fold, seed=1, name="", log=lambda _: None)), samples, fold


def coded(tables: Path, samples: TaskSamples) -> np.ndarray:
    """Whether the sample's own visit has the class, bool (n_samples, n_classes)."""
    visits = pd.read_parquet(tables / "visits.parquet").set_index("visit_id")["phenotypes"]
    own = visits.loc[samples.samples["visit_id"]]
    return np.array([[name in row for name in samples.classes] for row in own])


def test_a_prediction_is_the_train_rate_of_those_who_have_the_class_now_or_have_not(
    tables: Path,
) -> None:
    model, samples, fold = fitted(tables)
    now = coded(tables, samples)
    found = model.predict(np.arange(len(now)))
    assert found.dtype == np.float64
    for k in range(len(samples.classes)):
        for has in (True, False):
            alike = fold.train[now[fold.train, k] == has]
            again = samples.labels[alike, k].sum()
            rate = (again + 1) / (len(alike) + 2)
            np.testing.assert_allclose(found[now[:, k] == has, k], rate, rtol=1e-12)


def test_a_class_ranks_patients_as_the_copy_does(tables: Path) -> None:
    model, samples, fold = fitted(tables)
    now, found = coded(tables, samples)[fold.test], model.predict(fold.test)
    # the last phenotype is never coded again, so that nothing is to be copied
    for k, name in enumerate(samples.classes[:-1]):
        assert found[now[:, k], k].min() > found[~now[:, k], k].max(), name


def test_without_codes_it_is_the_prevalence(tables: Path) -> None:
    model, samples, fold = fitted(tables)
    found = model.predict(fold.test, without=("codes",))
    expected = samples.labels[fold.train].mean(axis=0)
    np.testing.assert_array_equal(found, np.tile(expected, (len(fold.test), 1)))
    np.testing.assert_array_equal(
        model.predict(fold.test, without=("notes",)), model.predict(fold.test)
    )


@pytest.mark.parametrize("task", [task for task in TASKS if task != "next_diagnoses"])
def test_every_other_task_is_skipped(task: Task, tables: Path) -> None:
    with opened(tables, task) as (source, samples), pytest.raises(Skip, match="next_diagnoses"):
        RECIPE.inputs(source, samples)


def test_a_source_without_codes_is_skipped(
    altered: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    visits = pd.read_parquet(tables / "visits.parquet")
    visits["phenotypes"] = [[] for _ in range(len(visits))]
    bare = altered(tables, tmp_path, visits=visits)
    with pytest.raises(Skip, match="needs codes"):
        fitted(bare)


def test_the_next_visit_is_not_read(
    altered: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    visits = pd.read_parquet(tables / "visits.parquet")
    later = visits["visit_id"] % 10 == 1
    visits["phenotypes"] = [
        ["Pneumonia"] if after else own
        for after, own in zip(later, visits["phenotypes"], strict=True)
    ]
    before, _, fold = fitted(tables)
    after, *_ = fitted(altered(tables, tmp_path, visits=visits))
    np.testing.assert_array_equal(after.predict(fold.test), before.predict(fold.test))


def test_an_earlier_visit_is_not_copied(
    altered: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    visits, samples = (pd.read_parquet(tables / f"{n}.parquet") for n in ("visits", "samples"))
    first = visits[visits["visit_id"] % 10 == 0]
    years = pd.Timedelta(days=900)
    earlier = first.assign(
        visit_id=first["visit_id"] + 5,
        phenotypes=pd.Series([["Pneumonia"]] * len(first), first.index),
        **{
            name: first[name] - years
            for name in ("admit_time", "discharge_time", "codes_available_time")
        },
    )
    assert set(samples["visit_id"]) & set(earlier["visit_id"]) == set()
    more = altered(tables, tmp_path, visits=pd.concat([visits, earlier]))
    before, _, fold = fitted(tables)
    after, *_ = fitted(more)
    np.testing.assert_array_equal(after.predict(fold.test), before.predict(fold.test))


def test_labels_of_test_patients_are_not_fitted(
    altered: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    label = pd.read_parquet(tables / "label.parquet")
    of_test = label["patient_id"].isin(load_rounds(tables)[0].test)
    label.loc[of_test, "label_value"] = 1 - label.loc[of_test, "label_value"]
    before, *_ = fitted(tables)
    after, *_ = fitted(altered(tables, tmp_path, label=label))
    assert after.summary() == before.summary()


def test_a_class_that_no_train_sample_has_now_is_a_probability_too(
    altered: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    (split,) = load_rounds(tables)
    visits = pd.read_parquet(tables / "visits.parquet")
    of_train = visits["patient_id"].isin(split.train)
    visits["phenotypes"] = [
        [name for name in own if not (train and name == "Pneumonia")]
        for train, own in zip(of_train, visits["phenotypes"], strict=True)
    ]
    model, samples, fold = fitted(altered(tables, tmp_path, visits=visits))
    found = model.predict(fold.test)[:, samples.classes.index("Pneumonia")]
    assert len(np.unique(found)) == 2
    assert ((found > 0) & (found < 1)).all()


def test_what_is_saved_is_what_predicts(tables: Path, tmp_path: Path) -> None:
    model, samples, fold = fitted(tables)
    for name in ("one", "two"):
        model.save(tmp_path / name)
    one, two = (tmp_path / f"{name}.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    rates = load_file(one)
    now = coded(tables, samples)[fold.test]
    expected = np.where(now, rates["p_with_it"], rates["p_without_it"])
    np.testing.assert_array_equal(model.predict(fold.test), expected)
    told = model.summary()["prevalence"]
    assert list(told) == list(samples.classes)
    np.testing.assert_array_equal(list(told.values()), rates["prevalence"])
