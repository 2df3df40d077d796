"""Ablations: their plans, and the table, page and picture that come of the scores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusehr.ablation import run as module
from fusehr.ablation.plan import FOLDER, load_plan, scored_as
from fusehr.ablation.run import ablate
from fusehr.core.frame.errors import InputError
from fusehr.evaluate.gather import gather
from fusehr.overlay import overlay

ROOT = Path(__file__).parents[2]
PLAN: dict[str, Any] = {
    "title": "Which modalities",
    "recipes": ["gbm"],
    "tasks": ["mortality", "readmission"],
    "against": "all",
    "axis": "",
    "base": {},
    "variants": {"series": {"train.share": 0.5}, "all": {}},
}
NOISE = {"series": 3.0, "all": 1.0}


def write_plan(root: Path, name: str = "mine", **changes: Any) -> Path:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    (root / FOLDER / f"{name}.yaml").write_text(yaml.safe_dump(PLAN | changes, sort_keys=False))
    return root


@pytest.mark.parametrize("path", sorted((ROOT / FOLDER).glob("*.yaml")), ids=lambda p: p.stem)
def test_plans_that_ship_change_parameters_that_there_are(path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    plan = load_plan(ROOT, path.stem)
    seen: list[Any] = []
    for variant in plan.variants:
        changed = overlay(params, plan.changes(variant), file=path.name)
        assert changed["train"]["tasks"] == plan.tasks
        assert set(plan.recipes) <= set(changed["recipes"])
        # none is another one over again but the whole, which may be what params.yaml says
        assert changed not in seen
        seen.append(changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"against": "none"}, r"mine.yaml: mine.against: expected one of series, all, found none"),
        ({"recipes": []}, r"mine.yaml: mine.recipes: "),
        ({"colour": 1}, r"mine.yaml: mine.colour: unknown parameter"),
        ({"axis": "share"}, r"mine.variants: expected numbers, as there is an axis, found series"),
        ({"tasks": ["Mortality at 48 h"]}, r"mine.tasks.0: "),
    ],
)
def test_a_plan_that_does_not_fit_stops(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_plan(write_plan(tmp_path, **changes), "mine")


def test_an_unknown_plan_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"benchmarks/ablations: expected one of mine, found your"):
        load_plan(write_plan(tmp_path), "yours")


@pytest.fixture
def root(tmp_path: Path, fakes: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose clones DVC seems to rebuild: scores of the recipe, by its variant."""
    repository = write_plan(tmp_path / "repository")
    shutil.copyfile(ROOT / "params.yaml", repository / "params.yaml")

    @contextmanager
    def cloned(root: Path) -> Iterator[Path]:
        clone = tmp_path / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        clone.mkdir()
        shutil.copyfile(root / "params.yaml", clone / "params.yaml")
        yield clone

    def dvc(clone: Path, *arguments: str) -> None:
        if arguments[0] != "repro":
            return
        assert arguments[1:] == ("evaluate-score@gbm",)
        train = yaml.safe_load((clone / "params.yaml").read_text())["train"]
        assert train["tasks"] == PLAN["tasks"]
        variant = "series" if train["share"] == 0.5 else "all"
        tasks = ("mortality", "readmission") if variant == "all" else ("mortality",)
        frame = fakes.predictions("gbm", noise=NOISE[variant], tasks=tasks)
        skipped = {} if variant == "all" else {"readmission": "too few"}
        fakes.trained(clone, "gbm", frame, skipped=skipped)
        fakes.scored(clone, fakes.params())

    monkeypatch.setattr(module, "clean_clone", cloned)
    monkeypatch.setattr(module, "dvc", dvc)
    monkeypatch.setattr(module, "git", lambda *_: "0123abc")
    return repository


def test_variants_are_compared_on_the_same_patients(root: Path) -> None:
    said = ablate(root, "mine")
    folder = root / FOLDER / "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("commit.txt", "figure.png", "table.csv", "table.md"),
    ]
    assert (folder / "commit.txt").read_text() == "0123abc\n"
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(folder / "table.csv", keep_default_na=False)
    row = table.query("task == 'mortality' and variant == 'series' and metric == 'auroc'").iloc[0]
    whole = table.query("task == 'mortality' and variant == 'all' and metric == 'auroc'").iloc[0]
    assert float(row["difference"]) == pytest.approx(
        float(row["value"]) - float(whole["value"]), abs=2e-5
    )
    assert float(row["difference_high"]) < 0 and float(row["p"]) < 0.05
    assert (whole["difference"], whole["against"]) == ("", "")
    lacking = table.query("task == 'readmission' and variant == 'series'")
    assert set(lacking["reason"]) == {"too few"} and set(lacking["value"]) == {""}
    # the page says what the table says, and is what is printed
    text = (folder / "table.md").read_text()
    assert text in said
    assert f"| gbm | series | {float(row['value']):.3f} [" in text
    assert "| gbm | series | - (too few) | - | - |" in text


def test_intervals_are_quantiles_of_the_paired_draws(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    def watched(folder: Path, names: tuple[str, ...]) -> Any:
        kept.append(gather(folder, names))
        return kept[0]

    monkeypatch.setattr(module, "gather", watched)
    ablate(root, "mine")
    table = pd.read_csv(root / FOLDER / "mine" / "table.csv")
    draws = (
        kept[0]
        .draws.query("task == 'mortality'")
        .pivot(index="draw", columns="recipe", values="auprc")
    )
    differences = draws[scored_as("gbm", "series")] - draws[scored_as("gbm", "all")]
    row = table.query("task == 'mortality' and variant == 'series' and metric == 'auprc'")
    np.testing.assert_allclose(
        row[["difference_low", "difference_high"]].to_numpy(float)[0],
        np.percentile(differences, [2.5, 97.5]),
        atol=1e-5,
    )


def test_a_restricted_source_is_refused(root: Path) -> None:
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("remote: local", "remote: restricted", 1))
    with pytest.raises(InputError, match=r"raw.source: expected an open source"):
        ablate(root, "mine")
    assert not (root / FOLDER / "mine").exists()


def test_a_stage_that_fails_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(clone: Path, *arguments: str) -> None:
        raise InputError("dvc repro: expected exit code 0, found 1")

    monkeypatch.setattr(module, "dvc", broken)
    with pytest.raises(InputError, match="dvc repro"):
        ablate(root, "mine")
    assert not (root / FOLDER / "mine").exists()


def test_an_axis_makes_curves(root: Path) -> None:
    variants = {"0.5": {"train.share": 0.5}, "1": {}}
    write_plan(root, "sizes", variants=variants, against="1", axis="share of the train patients")
    ablate(root, "sizes")
    table = pd.read_csv(root / FOLDER / "sizes" / "table.csv", dtype={"variant": str})
    assert list(dict.fromkeys(table["variant"])) == ["0.5", "1"]
