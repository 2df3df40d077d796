"""The best parameters go into params.yaml, and every other byte of it stays."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup
from fusehr.tune.apply_best import apply_best, replace_values

ROOT = Path(__file__).resolve().parents[2]
BEST: dict[str, Any] = {
    "model.batch_size": 64,
    "model.dropout": 0.25,
    "model.learning_rate": 0.00005,
    "recipes.bia_fusion.layers": 2,
    "recipes.bia_fusion.projection": "shared",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def with_result(root: Path, best: dict[str, Any]) -> Path:
    folder = root / "data/tune/bia_fusion"
    folder.mkdir(parents=True)
    (folder / "best.yaml").write_text(yaml.safe_dump(best))
    return root


def test_only_the_lines_of_those_values_change(root: Path) -> None:
    old = (root / "params.yaml").read_text()
    said = apply_best(with_result(root, BEST), "bia_fusion")
    new = (root / "params.yaml").read_text()
    tree = yaml.safe_load(new)
    assert {path: lookup(tree, path) for path in BEST} == BEST
    before, after = old.splitlines(), new.splitlines()
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert len(changed) == len(BEST)
    for one, other in changed:
        assert one.split(":")[0] == other.split(":")[0]
    assert "model.learning_rate: 0.002 -> 5e-05" in said
    assert "recipes.bia_fusion.projection: place -> shared" in said
    assert any(line.startswith("model is also read by lstm_vitals, lstm_notes") for line in said)
    # a second time there is nothing to do
    assert apply_best(root, "bia_fusion") == [
        "params.yaml: has the best parameters of bia_fusion already"
    ]
    assert (root / "params.yaml").read_text() == new


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  b: 1   # why\n  c: 2\n", "a:\n  b: 3   # why\n  c: 2\n"),
        ("a: {c: 2, b:   '1'}  # one line\r\n", "a: {c: 2, b:   3}  # one line\r\n"),
        ("# é\na:\n    b: >-\n      folded\n      text\n    c: 2\n", None),
        ('a:\n- x\n# between\nz: "b: 1"\nq:\n  b: 1\n', None),
    ],
)
def test_whatever_the_form_of_the_text(text: str, expected: str | None) -> None:
    path = "q.b" if "q:" in text else "a.b"
    new = replace_values(text, {path: 3})
    assert lookup(yaml.safe_load(new), path) == 3
    if expected is not None:
        assert new == expected
    comments = [line for line in text.splitlines() if "#" in line]
    kept = [line.split("#")[1] for line in new.splitlines() if "#" in line]
    assert [line.split("#")[1] for line in comments] == kept
    diff = difflib.ndiff(text.splitlines(), new.splitlines())
    assert sum(line.startswith("+ ") for line in diff) == 1


@pytest.mark.parametrize(
    ("best", "message"),
    [
        (
            {"model.gone": 1},
            r"^data/tune/bia_fusion/best.yaml: model.gone: expected the path of a parameter in par",
        ),
        ({"model.notes": 1}, r"best.yaml: model.notes: expected the path of a single value"),
        (
            {"model.d_model": 66},
            r"^with data/tune/bia_fusion/best.yaml: params.yaml: model: d_model 66 is not divi",
        ),
        ({"model.dropout": "much"}, r"params.yaml: model.dropout: Input should be a valid number"),
    ],
)
def test_what_cannot_be_applied_leaves_the_file_as_it_was(
    best: dict[str, Any], message: str, root: Path
) -> None:
    with pytest.raises(InputError, match=message):
        apply_best(with_result(root, best), "bia_fusion")
    assert (root / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_no_result_yet_and_no_such_space(root: Path) -> None:
    with pytest.raises(InputError, match=r"found none; run `make tune space=bia_fusion`$"):
        apply_best(root, "bia_fusion")
    with pytest.raises(InputError, match=r"tune.spaces.big: expected one of bia_fusion, triage_fu"):
        apply_best(root, "big")
