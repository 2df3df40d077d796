"""The whole pipeline on a small cohort, as its users run it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr.core.frame.tasks import TASKS

# the first of them waits for the small run, which others share
pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]


def stages_run(output: str) -> set[str]:
    """Stages that DVC executed, from what it printed."""
    return set(re.findall(r"Running stage '([^']+)'", output))


def test_repro_leaves_a_leaderboard_of_every_recipe_and_task(small: Any) -> None:
    board = json.loads((small.folder / "metrics/leaderboard.json").read_text())
    recipes = yaml.safe_load((small.folder / "params.yaml").read_text())["recipes"]
    assert set(board) == set(TASKS)
    for task in TASKS:
        assert set(board[task]) == {*recipes, "ckd_teacher", "ckd_student"}
    assert 0 < board["mortality"]["gbm"]["brier"] < 0.3
    # pooled over folds, a constant predictor falls a little below 0.5
    assert board["triage"]["oracle"]["auroc"] > 0.6 > board["triage"]["majority"]["auroc"] > 0.4


def test_the_leaderboard_can_be_printed_again(small: Any) -> None:
    printed = small.run("fusehr", "leaderboard")
    assert re.search(r"mortality  \d+ samples of \d+ patients", printed)
    assert re.search(r"oracle \* +0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\]", printed)


def test_nothing_is_left_to_do(copy_of_small: Any) -> None:
    assert "up to date" in copy_of_small.run("dvc", "status", "dvc.yaml")
    assert stages_run(copy_of_small.run("dvc", "repro")) == set()
    assert copy_of_small.run("git", "status", "--porcelain") == ""


TEXT_RECIPES = (
    *("gbm_all", "lstm_notes", "emerge", "bia_fusion", "triage_fusion"),
    "triage_fewshot",  # skipped without an endpoint, and yet to be asked again
)
NETWORKS = ("lstm_vitals", "lstm_notes", "emerge", "bia_fusion", "triage_fusion", "fusehr")


def stale(clone: Any) -> set[str]:
    """Stages that a full run would begin with, as `dvc status` tells."""
    return set(json.loads(clone.run("dvc", "status", "--json", "dvc.yaml")))


def test_an_experiment_reruns_one_recipe_its_score_and_the_leaderboard(copy_of_small: Any) -> None:
    output = copy_of_small.run("dvc", "exp", "run", "-S", "recipes.lstm_vitals.layers=1")
    assert stages_run(output) == {
        "train@lstm_vitals",
        "evaluate-score@lstm_vitals",
        "evaluate",
        "evaluate-subgroups",
        "evaluate-cards",
    }
    assert "recipes.lstm_vitals" in copy_of_small.run("dvc", "params", "diff")
    difference = json.loads(copy_of_small.run("dvc", "metrics", "diff", "--json"))
    changed = difference["metrics/leaderboard.json"]
    assert changed and all(".lstm_vitals." in name for name in changed)
    assert "lstm_vitals.layers" in copy_of_small.run("dvc", "exp", "show", "--csv")


def test_d_model_concerns_the_networks_alone(copy_of_small: Any) -> None:
    copy_of_small.set_params({"model.d_model": 32})
    assert stale(copy_of_small) == {f"train@{recipe}" for recipe in NETWORKS}


def test_another_encoder_reruns_embed_and_what_reads_it(copy_of_small: Any) -> None:
    output = copy_of_small.run("dvc", "exp", "run", "-S", "embed.reduced_dimension=16", "rag-embed")
    assert stages_run(output) == {"embed", "rag-embed"}
    assert stale(copy_of_small) == {f"train@{recipe}" for recipe in TEXT_RECIPES}


@pytest.mark.real
def test_another_graph_reruns_rag_and_what_reads_it(copy_of_small: Any, mirror: Path) -> None:
    output = copy_of_small.run(
        *("dvc", "exp", "run", "-S", "rag.kg=disease_ontology", "rag-embed"),
        FUSEHR_MIRROR=str(mirror),
    )
    assert stages_run(output) == {"rag-knowledge", "rag", "rag-embed"}
    readers = ("gbm_facts", "gbm_all", "emerge", "fusehr")
    assert stale(copy_of_small) == {"distill-data", *(f"train@{recipe}" for recipe in readers)}


def test_d_model_must_be_divisible_by_heads(copy_of_small: Any) -> None:
    output = copy_of_small.run("dvc", "exp", "run", "-S", "model.d_model=30", check=False)
    assert "params.yaml: model: d_model 30 is not divisible by heads 4" in output
    assert not (copy_of_small.folder / "data/train/lstm_vitals").exists()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"raw.source": "nowhere"}, "raw.nowhere"),
        ({"raw.synthetic.pateints": 3}, "params.yaml: raw.synthetic.pateints: unknown parameter"),
        ({"raw.synthetic.patients": "3"}, "params.yaml: raw.synthetic.patients: Input should be"),
        ({"evaluate.seed": None}, "params.yaml: evaluate.seed: Input should be a valid integer"),
    ],
)
def test_bad_parameters_stop_with_their_full_path(
    copy_of_small: Any, changes: dict[str, Any], message: str
) -> None:
    before = copy_of_small.lock()
    copy_of_small.set_params(changes)
    done = copy_of_small.run("dvc", "repro", check=False)
    assert message in done
    assert copy_of_small.lock() == before


def test_push_lose_everything_pull_and_nothing_is_left_to_do(copy_of_small: Any) -> None:
    clone = copy_of_small
    clone.run("dvc", "push")
    shutil.rmtree(clone.folder / ".dvc/cache")
    shutil.rmtree(clone.folder / "data")
    clone.run("dvc", "pull")
    assert stages_run(clone.run("dvc", "repro")) == set()
    assert "up to date" in clone.run("dvc", "status", "dvc.yaml")


@pytest.mark.parametrize(
    "stage, partial",
    [
        ("raw", "data/.raw.partial"),
        ("tables", "data/.tables.partial"),
        ("train@gbm", "data/train/.gbm.partial"),
    ],
)
def test_killed_in_the_middle_and_run_again(copy_of_small: Any, stage: str, partial: str) -> None:
    """kill -9 of the whole process group; what it left behind does no harm."""
    clone = copy_of_small
    before = clone.lock()
    for out in before["stages"][stage]["outs"]:  # else the next run would only take it from there
        md5 = out["md5"]
        (clone.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    process = subprocess.Popen(
        ["dvc", "repro", "--single-item", "--force", "--no-run-cache", stage],
        cwd=clone.folder,
        env=clone.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    half_written = clone.folder / partial
    while process.poll() is None and not half_written.exists():
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert half_written.exists(), "the stage ended before it could be killed"
    assert not (clone.folder / partial.replace("/.", "/").removesuffix(".partial")).exists()
    clone.run("dvc", "repro", "--no-run-cache")
    assert clone.lock() == before
    assert not list(Path(clone.folder, "data").rglob(".*.partial"))


def test_a_clean_clone_without_cache_gives_the_same_lock(small: Any, tmp_path: Path) -> None:
    """Without the store of vectors too."""
    assert "0 differ" in small.run("fusehr", "verify", FUSEHR_CACHE=str(tmp_path))


def test_the_powered_profile_leaves_its_result_with_the_commit(copy_of_small: Any) -> None:
    """With a profile that changes nothing: all but one unimodal network comes from the cache."""
    clone = copy_of_small
    folder = clone.folder / "benchmarks/powered"
    (folder / "profile.yaml").write_text("model.epochs: 2\n")
    (folder / "silenced.yaml").write_text("model.epochs: 2\n")
    (folder / "unimodal.yaml").write_text("recipes.bia_fusion.modalities: [indicators]\n")
    clone.run("git", "commit", "--quiet", "--all", "--message", "Change the profile")
    assert "wrote benchmarks/powered/result" in clone.run("fusehr", "powered")
    report = (folder / "result/report.md").read_text()
    assert "# The powered run" in report
    assert "bia_fusion against bia_fusion_indicators:" in report
    for name in ("metrics/leaderboard.json", "plots/metrics.csv"):
        assert (folder / "result" / name).read_text() == (clone.folder / name).read_text()
    assert yaml.safe_load((folder / "result" / "dvc.lock").read_text()) == clone.lock()
    head = clone.run("git", "rev-parse", "HEAD")
    assert (folder / "result" / "commit.txt").read_text() == head


def test_the_student_that_was_distilled_predicts_texts_of_the_pipeline(
    small: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    texts = "data/distill/data/next_diagnoses_test.json"
    small.run("fusehr", "predict", "--model", "student", texts, "-o", str(out))
    with out.open() as file:
        rows = list(csv.DictReader(file))
    lines = (small.folder / texts).read_text().splitlines()
    assert len(rows) == len(lines) > 0
    assert {"copd", "shock", "tokens_cut"} <= set(rows[0])
    told = json.loads((small.folder / "metrics/students.json").read_text())["next_diagnoses"]
    assert 0 < told["full_unlabelled"]["auroc"] < 1
    assert "What distillation is worth" in (small.folder / "plots/students.md").read_text()


def test_the_tables_can_be_queried_and_exported(small: Any, tmp_path: Path) -> None:
    query = "select count(*) as n from samples where task = 'triage'"
    n = int(small.run("fusehr", "sql", "--csv", query).split()[-1])
    assert n > 100
    small.run("fusehr", "export", "oneehr", str(tmp_path / "oneehr"))
    header = (tmp_path / "oneehr/dynamic.csv").read_text().split("\n", 1)[0]
    assert header.startswith("patient_id,event_time,code,value")
    wrong = small.run("fusehr", "sql", "select nothing from nowhere", check=False)
    assert "error: query: Catalog Error" in wrong
