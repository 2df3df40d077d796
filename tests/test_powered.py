"""The powered profile: its parameters, and what is kept of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fusehr import powered as module
from fusehr.core.frame.errors import InputError
from fusehr.core.params.distill import VARIANTS
from fusehr.overlay import overlay
from fusehr.powered import (
    FOLDER,
    PROFILE,
    SILENCED_PROFILE,
    TRIED,
    UNIMODAL_PROFILE,
    powered,
    unimodal_names,
)

ROOT = Path(__file__).parents[1]


def test_the_profile_changes_what_it_names_and_nothing_else() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    profile = yaml.safe_load((ROOT / FOLDER / PROFILE).read_text())
    changed = overlay(params, profile, file="profile.yaml")
    assert changed["raw"]["synthetic"]["patients"] == 12_000
    assert changed["raw"]["synthetic"]["long_stay_share"] >= 0.85
    assert len(changed["train"]["seeds"]) == 3
    changed["raw"]["synthetic"] |= {
        name: params["raw"]["synthetic"][name] for name in ("patients", "long_stay_share")
    }
    changed["train"]["seeds"] = params["train"]["seeds"]
    # a stronger teacher, and every way of teaching
    distilled, plain = changed["distill"], params["distill"]
    assert set(distilled["student"]["variants"]) == set(VARIANTS)
    for name in ("max_tokens", "epochs", "learning_rate"):
        distilled["teacher"][name] = plain["teacher"][name]
    distilled["teacher"]["lora"]["layers"] = plain["teacher"]["lora"]["layers"]
    for name in ("variants", "steps"):
        distilled["student"][name] = plain["student"][name]
    assert changed == params


def test_the_silenced_profile_leaves_the_series_alone_with_signal() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name in (PROFILE, SILENCED_PROFILE):
        params = overlay(params, yaml.safe_load((ROOT / FOLDER / name).read_text()), file=name)
    signal = params["raw"]["synthetic"]["signal"]
    assert signal == {"severity": 1.0, "notes": 0.0, "image": 0.0, "graph": 0.0}
    assert params["raw"]["synthetic"]["patients"] == 12_000
    assert set(TRIED) <= set(params["recipes"])


def test_the_unimodal_profile_leaves_networks_one_modality() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    profile = yaml.safe_load((ROOT / FOLDER / UNIMODAL_PROFILE).read_text())
    changed = overlay(params, profile, file=UNIMODAL_PROFILE)
    assert unimodal_names(profile) == {
        "emerge": "emerge_series",
        "bia_fusion": "bia_fusion_indicators",
        "triage_fusion": "triage_fusion_text",
        "fusehr": "fusehr_series",
    }
    for name in unimodal_names(profile):
        block = {**changed["recipes"][name], "modalities": None, "mode": None}
        assert block == {**params["recipes"][name], "modalities": None, "mode": None}


def test_a_path_in_the_unimodal_profile_that_is_no_recipes_stops() -> None:
    with pytest.raises(InputError, match=r"unimodal.yaml: model.d_model: expected recipes"):
        unimodal_names({"model.d_model": 32})


def test_an_unknown_parameter_stops() -> None:
    with pytest.raises(InputError, match=r"profile.yaml: raw.pateints: expected a value"):
        overlay({"raw": {"patients": 1}}, {"raw.pateints": 2}, file="profile.yaml")


def test_another_type_stops() -> None:
    with pytest.raises(InputError, match=r"profile.yaml: raw.patients: expected int, found str"):
        overlay({"raw": {"patients": 1}}, {"raw.patients": "2"}, file="profile.yaml")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose clone DVC seems to rebuild: `dvc repro` writes what the run would."""
    repository, clone = tmp_path / "repository", tmp_path / "clone"
    (repository / FOLDER).mkdir(parents=True)
    (repository / FOLDER / PROFILE).write_text("raw.patients: 12\n")
    clone.mkdir()
    (clone / "params.yaml").write_text("raw:\n  patients: 1\n")

    @contextmanager
    def cloned(root: Path) -> Iterator[Path]:
        assert root == repository
        yield clone

    def dvc(clone: Path, *arguments: str) -> None:
        if arguments == ("repro",):
            if (clone / "broken").exists():
                raise InputError("dvc repro: expected exit code 0, found 1")
            for name in ("metrics/leaderboard.json", "plots/paired.csv", "dvc.lock"):
                (clone / name).parent.mkdir(exist_ok=True)
                (clone / name).write_text(name)

    def told(folder: Path) -> str:
        present = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        return "\n".join(present)

    monkeypatch.setattr(module, "clean_clone", cloned)
    monkeypatch.setattr(module, "dvc", dvc)
    monkeypatch.setattr(module, "git", lambda *_: "0123abc")
    monkeypatch.setattr(module, "powered_report", told)
    monkeypatch.setattr(module, "_silenced", lambda _: pd.DataFrame({"withheld": ["notes"]}))
    monkeypatch.setattr(module, "_unimodal", lambda *_: pd.DataFrame({"recipe": ["emerge"]}))
    return repository


def test_the_result_is_kept_with_its_report(root: Path) -> None:
    assert "report.md" in powered(root)
    result = root / FOLDER / "result"
    assert yaml.safe_load((result / "params.yaml").read_text()) == {"raw": {"patients": 12}}
    assert (result / "commit.txt").read_text() == "0123abc\n"
    # The report was made of what is kept, all of it.
    assert (result / "report.md").read_text().split() == [
        *("commit.txt", "dvc.lock", "metrics/leaderboard.json", "params.yaml"),
        *("plots/paired.csv", "silenced.csv", "unimodal.csv"),
    ]


def test_a_run_that_fails_leaves_the_result_of_the_last_one(root: Path) -> None:
    powered(root)
    (root.parent / "clone/broken").touch()
    with pytest.raises(InputError, match="dvc repro"):
        powered(root)
    assert (root / FOLDER / "result/report.md").exists()
