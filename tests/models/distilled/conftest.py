"""Tiny teachers on disk, once a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .tiny_teachers import params_of, save_bert, save_qwen


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen(tmp_path_factory.mktemp("hub") / "Tiny-Qwen2")


@pytest.fixture
def teacher_params() -> Any:
    return params_of
