"""A repository in which students of two tasks were exported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fusehr.core.frame.files import read_json, write_json
from fusehr.models.distilled.about import ABOUT
from fusehr.serve.models import STUDENTS

from ..models.distilled.small_student import export


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    first = export(root / STUDENTS / "next_diagnoses")
    second = Path(shutil.copytree(first, root / STUDENTS / "triage"))
    write_json(second / ABOUT, read_json(first / ABOUT) | {"task": "triage", "exclusive": True})
    return root
