"""A repository in which students of two tasks were exported, and clients of a service."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fusehr.core.frame.files import read_json, write_json
from fusehr.models.distilled.about import ABOUT
from fusehr.serve.http.app import create_app
from fusehr.serve.http.settings import Settings
from fusehr.serve.models import STUDENTS

from ..models.distilled.small_student import export
from .fakes import FakePredictor


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    first = export(root / STUDENTS / "next_diagnoses")
    second = Path(shutil.copytree(first, root / STUDENTS / "triage"))
    write_json(second / ABOUT, read_json(first / ABOUT) | {"task": "triage", "exclusive": True})
    return root


@pytest.fixture
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of the repository whose models are served."""
    return tmp_path


@pytest.fixture
def start(predictor: FakePredictor, root: Path) -> Iterator[Callable[..., TestClient]]:
    """Begins a service with a key and settings; ends them all."""
    opened: list[TestClient] = []

    def begin(*, key: str = "", model: Any = predictor, **changes: Any) -> TestClient:
        app = create_app(model, root, Settings(**changes), key=key)
        # errors of the service come as answers, as they do over the wire
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield begin
    predictor.going.set()
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start: Callable[..., TestClient]) -> TestClient:
    return start()
