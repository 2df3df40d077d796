"""A review tells what differs from a revision, with marks that are earned, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fusehr.core.frame.errors import InputError
from fusehr.review.page import MARKER
from fusehr.review.run import review

ROOT = Path(__file__).parents[2]

# One recipe that predicts mortality with `noise`, scored as the pipeline scores.
STAGE = """
import json, sys
from pathlib import Path
import matplotlib.image, numpy as np, pandas as pd, yaml
sys.path.insert(0, SRC)
from fusehr.core.frame.files import write_json, write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.core.params.evaluate import EvaluateParams
from fusehr.core.frame.params import validate
from fusehr.evaluate.scoring.score_recipe import score_recipe

params = yaml.safe_load(Path("params.yaml").read_text())
world = np.random.default_rng(params["cohort"])
n = 300
truth = world.normal(size=n)
y = (world.uniform(size=n) < 1 / (1 + np.exp(-2 * truth))).astype(np.int8)
seen = truth + np.random.default_rng(params["start"]).normal(size=n) * params["noise"]
rows = [
    pd.DataFrame({
        "task": "mortality", "recipe": "gbm", "variant": "full", "seed": 1,
        "split_sha": params["split"] * 64, "fold": fold,
        "sample_id": [f"{fold}-{k:04d}" for k in range(n)],
        "patient_id": np.arange(n) + start, "class": "positive", "y": y,
        "p": 1 / (1 + np.exp(-seen)),
    })
    for fold, start in (("test", 0), ("val", 1000))
]
trained = Path("data/train/gbm")
write_parquet(trained / "predictions.parquet", pd.concat(rows), PREDICTIONS)
write_json(trained / "skipped.json", {})
evaluate = validate(params["evaluate"], EvaluateParams, "evaluate")
score_recipe(trained, Path("data/evaluate/gbm"), evaluate, step_hours=12)
scored = pd.read_parquet("data/evaluate/gbm/intervals.parquet")
auroc = scored.loc[scored["metric"] == "auroc", "value"].iloc[0]
write_json("metrics/leaderboard.json", {"mortality": {"gbm": {"auroc": round(auroc, 4)}}})
Path("plots").mkdir(exist_ok=True)
matplotlib.image.imsave("plots/leaderboard.png", np.full((20, 30, 3), auroc))
"""

PIPELINE = {
    "stages": {
        "evaluate-score": {
            "cmd": f"{sys.executable} stage.py",
            "deps": ["stage.py"],
            "params": ["cohort", "noise", "start", "split", "evaluate"],
            "outs": ["data/train/gbm", "data/evaluate/gbm"],
            "metrics": [{"metrics/leaderboard.json": {"cache": False}}],
            "plots": [{"plots/leaderboard.png": {"cache": False}}],
        }
    }
}


def _run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _repro(root: Path, **changes: object) -> None:
    params = yaml.safe_load((root / "params.yaml").read_text()) | changes
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    _run(root, sys.executable, "-m", "dvc", "repro", "--quiet")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose pipeline was run and committed; not to be changed."""
    root = tmp_path_factory.mktemp("begun") / "repository"
    root.mkdir()
    _run(root, "git", "init", "--quiet", "--initial-branch=main")
    _run(root, sys.executable, "-m", "dvc", "init", "--quiet")
    (root / "stage.py").write_text(STAGE.replace("SRC", repr(str(ROOT / "src"))))
    (root / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (root / ".gitignore").write_text("/data/\n/review/\n")
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    evaluate = whole["evaluate"] | {"bootstrap_draws": 200}
    own = {"cohort": 1, "noise": 2.0, "start": 5, "split": "0", "evaluate": evaluate}
    shared = {
        "raw": {"source": "synthetic"},
        "train": {"tasks": ["mortality"]},
        "tables": {"deterioration": {"step_hours": 12}},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(own | shared))
    _repro(root)
    _run(root, "git", "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    _run(root, "git", *who, "commit", "--quiet", "--message", "Begin")
    return root


@pytest.fixture
def repository(begun: Path, tmp_path: Path) -> Path:
    """A copy of `begun` that a test may change."""
    return shutil.copytree(begun, tmp_path / "repository", symlinks=True)


def _page(root: Path, **options: object) -> str:
    review(root, "main", **options)  # type: ignore[arg-type]
    return (root / "review/review.md").read_text()


def test_nothing_changed_is_one_line(repository: Path) -> None:
    page = _page(repository)
    assert page.startswith(f"{MARKER}\n\n### Nothing differs from `main` (")
    assert len(page.splitlines()) == 3


@pytest.mark.parametrize(("noise", "mark"), [(0.0, "**better**"), (20.0, "**worse**")])
def test_a_difference_beyond_noise_is_marked(repository: Path, noise: float, mark: str) -> None:
    _repro(repository, noise=noise)
    page = _page(repository, seconds=75, images_at="https://example.org/1/")
    (row,) = [line for line in page.splitlines() if line.startswith("| mortality | gbm | auroc")]
    assert mark in row
    assert "| `noise` | `2.0` |" in page
    assert "](https://example.org/1/leaderboard.png)" in page
    assert (repository / "review/leaderboard.png").stat().st_size > 0
    assert "`dvc repro` took 1 min 15 s." in page
    assert "stages: 1 of 1" in page


def test_a_difference_within_noise_is_not_marked(repository: Path) -> None:
    _repro(repository, start=6)
    assert "1 not shown" in _page(repository)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"split": "1"}, "patients are split otherwise"), ({"cohort": 2}, "other test samples")],
)
def test_what_is_not_comparable_has_a_reason_and_no_number(
    repository: Path, change: dict[str, object], reason: str
) -> None:
    _repro(repository, **change)
    page = _page(repository)
    assert "1 not comparable" in page and reason in page
    assert "head less base" not in page and "mortality.gbm.auroc" not in page


def test_another_bootstrap_scores_the_predictions_of_the_base_anew(repository: Path) -> None:
    params = yaml.safe_load((repository / "params.yaml").read_text())
    _repro(repository, evaluate=params["evaluate"] | {"seed": 12, "bootstrap_draws": 150})
    assert "primary metrics: 1 same" in _page(repository)


def test_scores_that_are_nowhere_are_not_comparable(repository: Path) -> None:
    _repro(repository, noise=0.0)
    lock = _base_lock(repository)
    for stage in lock["stages"].values():
        for out in stage["outs"]:
            if out["path"] == "data/evaluate/gbm":
                md5 = out["md5"]
                (repository / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    assert "neither from the cache nor from a remote" in _page(repository)


def test_a_new_recipe_is_told_by_its_scores_and_its_stage_by_being_new(repository: Path) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    _run(repository, "git", "checkout", "--quiet", "-b", "before")
    (repository / "metrics/leaderboard.json").write_text('{"mortality": {}}')
    (repository / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    _run(repository, "git", *who, "commit", "--quiet", "--all", "--message", "Before")
    _run(repository, "git", "checkout", "--quiet", "main")
    review(repository, "before")
    page = (repository / "review/review.md").read_text()
    assert "before has no such recipe: gbm" in page
    assert "| `leaderboard: mortality.gbm.auroc` | - | `0." in page
    assert "| `evaluate-score` | new |" in page


def _base_lock(root: Path) -> dict:
    shown = subprocess.run(
        ["git", "show", "main:dvc.lock"], cwd=root, capture_output=True, text=True, check=True
    )
    return yaml.safe_load(shown.stdout)


def test_what_cannot_be_reviewed_says_why(repository: Path) -> None:
    with pytest.raises(InputError, match="expected a git revision, found nowhere"):
        review(repository, "nowhere")
    params = yaml.safe_load((repository / "params.yaml").read_text())
    (repository / "params.yaml").write_text(yaml.safe_dump(params | {"noise": 0.5}))
    with pytest.raises(InputError, match=r"evaluate-score.*run `dvc repro`"):
        review(repository, "main")
    assert not (repository / "review").exists()


def test_few_patients_of_a_restricted_source_are_not_told(repository: Path) -> None:
    params = yaml.safe_load((repository / "params.yaml").read_text())
    hidden = params["evaluate"] | {"small_cell": 200}
    restricted = params["raw"] | {"source": "mimic4"}
    _repro(repository, noise=0.0, evaluate=hidden, raw=restricted)
    page = _page(repository)
    assert "undefined or hidden" in page and "head less base" not in page


def test_the_workflows_call_the_script_and_may_do_little() -> None:
    folder = ROOT / ".github/workflows"
    flow = yaml.safe_load((folder / "review.yml").read_text())
    lines = {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in flow["jobs"].items()
    }
    assert '.github/review.sh write "origin/$BASE"' in lines["write"]
    assert lines["publish"] == ['.github/review.sh publish "$NUMBER"']
    assert flow["permissions"] == {}
    assert flow["jobs"]["write"]["permissions"] == {"contents": "read"}
    assert "secrets" not in yaml.safe_dump(flow["jobs"]["publish"])
    assert set(yaml.safe_load((folder / "ci.yml").read_text())["jobs"]) == {"lint", "test"}
