"""Model cards tell what the run found, in the form that others read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import read_yaml
from fusehr.evaluate.cards.write import write_cards
from fusehr.evaluate.students.names import ON_BOARD

ROOT = Path(__file__).parents[2]
GAPS = """task,recipe,attribute,worst,metric,gap,gap_low,gap_high,p
mortality,fusehr,any,age 80+,auroc,0.04321,-0.01,0.09,0.321
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The committed leaderboard and its table; a split and a gap of subgroups made up."""
    for name in ("metrics/leaderboard.json", "plots/metrics.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "plots/subgroup_gaps.csv").write_text(GAPS)
    (tmp_path / "data/tables").mkdir(parents=True)
    (tmp_path / "data/tables/splits.parquet").write_bytes(b"a split")
    return tmp_path


def models() -> dict[str, dict]:
    return read_yaml(ROOT / "params.yaml")["recipes"] | {n: {"d": 1} for n in ON_BOARD.values()}


def test_there_is_a_card_for_every_recipe_of_the_leaderboard(run: Path) -> None:
    write_cards(run, models(), source="synthetic", seeds=[1])
    board = read_json(run / "metrics/leaderboard.json")
    written = {path.stem for path in (run / "plots/cards").iterdir()}
    assert written == {*board["mortality"], "README"}
    index = (run / "plots/cards/README.md").read_text()
    assert all(f"({recipe}.md)" in index for recipe in board["mortality"])


def test_a_card_has_its_header_and_its_numbers(run: Path) -> None:
    write_cards(run, models(), source="synthetic", seeds=[1, 2])
    text = (run / "plots/cards/fusehr.md").read_text()
    _, header, body = text.split("---\n", 2)
    found = yaml.safe_load(header)
    assert found["license"] == "mit" and "auroc" in found["metrics"] and found["tags"]
    entry = read_json(run / "metrics/leaderboard.json")["mortality"]["fusehr"]
    results = {r["task"]["name"]: r for r in found["model-index"][0]["results"]}
    told = {m["type"]: m["value"] for m in results["mortality"]["metrics"]}
    assert told["auroc"] == pytest.approx(entry["auroc"], abs=1e-4)
    assert f"| Mortality | AUROC | {entry['auroc']:.3f} [" in body
    assert "| Mortality | age 80+ | +0.043 [-0.010, +0.090] | 0.321 |" in body
    for needed in ("Not a medical device", "seeds 1, 2", "SHA-256 of the split", "members: 2"):
        assert needed in body, needed
    assert "Fitted on train patients until validation patients tell to stop, then on both" in body
    assert "Fitted on train patients only" in (run / "plots/cards/ckd_student.md").read_text()
    assert "- No score on mortality" in (run / "plots/cards/ckd_student.md").read_text()
    assert "Not evaluated by groups" in (run / "plots/cards/gbm.md").read_text()


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    found = []
    for _ in range(2):
        write_cards(run, models(), source="synthetic", seeds=[1])
        found.append([path.read_bytes() for path in sorted((run / "plots/cards").iterdir())])
    assert found[0] == found[1]


def test_a_recipe_without_a_text_is_refused_and_nothing_is_left(run: Path) -> None:
    with pytest.raises(InputError, match=r"texts\.yaml: recipes\.new: expected a text"):
        write_cards(run, models() | {"new": {}}, source="synthetic", seeds=[1])
    assert not (run / "plots/cards").exists()


def test_a_missing_table_is_named(run: Path) -> None:
    (run / "plots/subgroup_gaps.csv").unlink()
    with pytest.raises(InputError, match=r"subgroup_gaps\.csv: expected a file, found none"):
        write_cards(run, models(), source="synthetic", seeds=[1])
