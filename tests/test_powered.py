"""The powered profile's parameters, laid over params.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.powered import FOLDER, PROFILE, overlay

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
    assert changed == params


def test_an_unknown_parameter_stops() -> None:
    with pytest.raises(InputError, match=r"profile.yaml: raw.pateints: expected a value"):
        overlay({"raw": {"patients": 1}}, {"raw.pateints": 2}, file="profile.yaml")


def test_another_type_stops() -> None:
    with pytest.raises(InputError, match=r"profile.yaml: raw.patients: expected int, found str"):
        overlay({"raw": {"patients": 1}}, {"raw.patients": "2"}, file="profile.yaml")
