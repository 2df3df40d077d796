"""Rules 3, 4 and 5: nothing fitted outside train, no signal from nowhere, no neighbours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.cohort import load_rounds
from fusehr.core.metrics import auroc

FITTED = ("one_vital", "logistic", "gbm", "lstm_vitals")


def weights_of(folder: Path) -> dict[str, bytes]:
    weights = folder / "weights"
    found = {
        str(path.relative_to(weights)): path.read_bytes()
        for path in sorted(weights.rglob("*"))
        if path.is_file()
    }
    assert found
    return found


def test_rows(folder: Path) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "predictions.parquet").query("variant == 'full'")
    return frame[frame["fold"] == "test"].set_index(["task", "sample_id", "class"]).sort_index()


test_rows.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def test_patients(tables: Path) -> list[int]:
    return sorted(load_rounds(tables)[0].test)


@pytest.mark.parametrize("recipe", FITTED)
def test_nothing_of_test_patients_is_fitted(
    recipe: str,
    once: Callable,
    trained: Callable,
    altered: Callable,
    tables: Path,
    test_patients: list[int],
    tmp_path: Path,
) -> None:
    """Rule 3: with other values, codes, ages and labels of test patients, weights are the same."""
    dynamic = pd.read_parquet(tables / "dynamic.parquet")
    of_test = dynamic["patient_id"].isin(test_patients)
    dynamic.loc[of_test, "value"] = dynamic.loc[of_test, "value"] * 3 + 100
    unheard_of = dynamic[of_test].groupby("patient_id").head(1).assign(code="unheard_of")
    dynamic = pd.concat([dynamic, unheard_of], ignore_index=True)
    static = pd.read_parquet(tables / "static.parquet")
    static.loc[static["patient_id"].isin(test_patients), "age"] = 110.0
    label = pd.read_parquet(tables / "label.parquet")
    flipped = label["patient_id"].isin(test_patients) & (label["class"] == "positive")
    label.loc[flipped, "label_value"] = 1 - label.loc[flipped, "label_value"]
    changed = altered(tables, tmp_path, dynamic=dynamic, static=static, label=label)

    before, after = once(recipe), trained(recipe, changed)
    assert weights_of(after) == weights_of(before)
    # the change did reach the predictions
    assert not np.array_equal(test_rows(after)["p"], test_rows(before)["p"])


@pytest.mark.parametrize("recipe", FITTED)
def test_train_patients_are_what_weights_are_fitted_on(
    recipe: str, once: Callable, trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    """The counterpart of the test above, which would hold too if nothing were fitted at all."""
    dynamic = pd.read_parquet(tables / "dynamic.parquet")
    of_train = dynamic["patient_id"].isin(load_rounds(tables)[0].train)
    dynamic.loc[of_train, "value"] = dynamic.loc[of_train, "value"] * 3 + 100
    changed = trained(recipe, altered(tables, tmp_path, dynamic=dynamic))
    before = weights_of(once(recipe))
    assert all(content != before[name] for name, content in weights_of(changed).items())


@pytest.mark.parametrize("recipe", FITTED)
def test_samples_that_are_not_for_training_are_predicted_and_not_learnt_from(
    recipe: str, once: Callable, trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    samples = pd.read_parquet(tables / "samples.parquet").set_index("sample_id")
    label = pd.read_parquet(tables / "label.parquet")
    train = load_rounds(tables)[0].train
    unused = label["sample_id"].map(~samples["train_use"]) & label["patient_id"].isin(train)
    assert unused.sum() == 180
    label.loc[unused, "label_value"] = 1 - label.loc[unused, "label_value"]
    assert weights_of(trained(recipe, altered(tables, tmp_path, label=label))) == weights_of(
        once(recipe)
    )
    predicted = test_rows(once(recipe)).loc["deterioration"].index.get_level_values("sample_id")
    assert not samples.loc[predicted, "train_use"].all()


@pytest.mark.parametrize("recipe", FITTED)
def test_predictions_do_not_depend_on_the_other_samples(
    recipe: str,
    once: Callable,
    trained: Callable,
    altered: Callable,
    tables: Path,
    test_patients: list[int],
    tmp_path: Path,
) -> None:
    """Rule 5: with four fifths of the test samples gone, and so all batches cut otherwise, those
    that stay are predicted as before."""
    samples = pd.read_parquet(tables / "samples.parquet")
    of_test = samples["patient_id"].isin(test_patients)
    kept = samples[~of_test | (np.arange(len(samples)) % 5 == 0)]
    label = pd.read_parquet(tables / "label.parquet")
    label = label[label["sample_id"].isin(kept["sample_id"])]
    few = test_rows(trained(recipe, altered(tables, tmp_path, samples=kept, label=label)))
    many = test_rows(once(recipe)).loc[few.index]
    assert 0 < len(few) < len(test_rows(once(recipe))) / 3
    np.testing.assert_allclose(few["p"], many["p"], rtol=0, atol=1e-6)


def pooled_auroc(frames: list[pd.DataFrame], draws: int) -> np.ndarray:
    """Mean AUROC over recipes, tasks and classes: as it is, then in `draws` resamples of patients.

    Recipes and tasks share patients and labels, so whole patients are drawn, for all at once.
    """
    patients = np.unique(np.concatenate([frame["patient_id"].unique() for frame in frames]))
    drawn = np.random.default_rng(0).multinomial(
        len(patients), np.full(len(patients), 1 / len(patients)), size=draws
    )
    weights = np.concatenate([np.ones((1, len(patients))), drawn]).astype(np.int32)
    areas = []
    for frame in frames:
        for _, part in frame.groupby(["task", "class"]):
            if part["y"].nunique() == 2:
                of_row = weights[:, np.searchsorted(patients, part["patient_id"])]
                areas.append(auroc(part["y"].to_numpy(), part["p"].to_numpy(), weights=of_row))
    return np.mean(areas, axis=0)


def permuted_labels(tables: Path, *, seed: int) -> pd.DataFrame:
    """The table `label` with each patient's labels given to another one."""
    label = pd.read_parquet(tables / "label.parquet").sort_values(
        ["task", "class", "sample_id"], ignore_index=True
    )
    # within a task and class each patient has the same number of samples, in the patients' order
    patients = np.unique(label["patient_id"])
    other = np.random.default_rng(seed).permutation(len(patients))
    for _, rows in label.groupby(["task", "class"]).groups.items():
        values = label.loc[rows, "label_value"].to_numpy().reshape(len(patients), -1)
        label.loc[rows, "label_value"] = values[other].ravel()
    return label


def assert_chance(permuted: list[pd.DataFrame], told: list[pd.DataFrame]) -> None:
    """Test rows of recipes trained on permuted labels are as good as chance; `told`, of the same
    recipes on labels as they are, show that there is something to be found."""
    found, *resampled = pooled_auroc(permuted, draws=300)
    half_width = 2.58 * np.std(resampled)  # 99 %
    assert half_width < 0.08
    assert abs(found - 0.5) < half_width
    signal = pooled_auroc(told, draws=0)
    assert signal[0] > 0.5 + 2 * half_width


def test_permuted_labels_cannot_be_predicted(
    once: Callable, trained: Callable, altered: Callable, tables: Path, tmp_path: Path
) -> None:
    """Rule 4: each patient with another one's labels, and recipes do as well as chance."""
    permuted = altered(tables, tmp_path, label=permuted_labels(tables, seed=1))
    assert_chance(
        [test_rows(trained(recipe, permuted)).reset_index() for recipe in FITTED],
        [test_rows(once(recipe)).reset_index() for recipe in FITTED],
    )
