"""The stage script in a small workspace of its own."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.files import read_json

SCRIPT = Path(__file__).parents[2] / "stages/embed.py"
WRITTEN = {
    "fitted.json",
    "indicators.parquet",
    "note_features.parquet",
    "note_segments.parquet",
    "note_sentences.parquet",
    "reduced.parquet",
    "reduction.safetensors",
    "texts.parquet",
    "tfidf.safetensors",
    "tfidf_words.json",
    "vectors.parquet",
}


@pytest.fixture
def workspace(
    tables: Path, block: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    def make(**changes: Any) -> Path:
        root = tmp_path / "workspace"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(tables, root / "data/tables")
        (root / "params.yaml").write_text(yaml.safe_dump({"embed": block | changes}))
        stage = {"cmd": "python stages/embed.py", "params": ["embed"]}
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"embed": stage}}))
        monkeypatch.chdir(root)
        return root

    return make


def test_the_stage_writes_its_folder_and_metrics(workspace: Callable[..., Path]) -> None:
    root = workspace()
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert {path.name for path in (root / "data/embed").iterdir()} == WRITTEN
    assert read_json(root / "metrics/embed.json")["notes"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "word2vec"}, "expected minilm, tfidf_svd, hf:"),
        ({"encoder": "hf:/no/such/folder"}, r"embed\.encoder: expected a folder or a model"),
        ({"texts": ["words"]}, r"params\.yaml: embed\.texts"),
    ],
)
def test_bad_parameters_end_the_stage_with_one_message_and_no_output(
    workspace: Callable[..., Path],
    changes: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    root = workspace(**changes)
    with pytest.raises(SystemExit, match=message):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert not (root / "data/embed").exists()
