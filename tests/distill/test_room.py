"""From texts to students: nobody is told by whom they were seen, runs repeat, errors are clear."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.schemas import PREDICTIONS, check_parquet
from fusehr.core.frame.tasks import TASKS, Task
from fusehr.core.instructions import phenotype_titles, read_soft_labels
from fusehr.distill.teacher import fitting
from fusehr.models.distilled.exported import load_exported

from ..models.distilled.tiny_teachers import save_bert, save_qwen
from .small_room import CLASSES, Room, contents, same, soft


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSEHR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def room(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Room:
    """All three stages have run."""
    made = Room(tmp_path_factory.mktemp("room"), bert).write()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSEHR_CACHE", str(made.folder / "cache"))
        made.teach()
        made.soften()
        made.learn()
    return made


def test_every_stage_writes_what_the_next_one_and_evaluate_read(room: Room) -> None:
    for folder in ("teacher", "students/hard", "students/full_unlabelled", "students/permuted"):
        path = room.folder / folder / "predictions.parquet"
        check_parquet(path, PREDICTIONS)
        table = pd.read_parquet(path)
        assert set(table["fold"]) == {"val", "test"}
        assert table["sample_id"].nunique() == 20 and len(table) == 20 * 25
        curve = pd.read_csv(room.folder / folder / "curves.csv")
        assert curve["val_metric"].notna().all() and len(curve) == 2
        skipped = json.loads((room.folder / folder / "skipped.json").read_text())
        assert set(skipped) == set(TASKS) - {"next_diagnoses"}
        assert set(skipped.values()) == {"not distilled: distill.tasks does not name it"}
    names = pd.read_parquet(room.folder / "students/full_unlabelled/predictions.parquet")["recipe"]
    assert set(names) == {"ckd_student"}
    # checkpoints are removed once the stage is done
    assert not list((room.folder / "cache").rglob("*.pt"))


def test_soft_labels_are_given_by_teachers_who_never_saw_the_patient(
    room: Room, tmp_path: Path
) -> None:
    """With all outcomes of one fold's patients turned round, what they are told is the same."""
    folds = pd.read_parquet(room.folder / "teacher/folds.parquet")
    assert sorted(folds["patient_id"]) == list(range(40))
    first = set(folds["patient_id"][folds["fold"] == 0])
    assert len(first) == 20
    other = room.beside(tmp_path)
    for name, values in other.labels.items():
        if int(name.rsplit("-", 1)[1]) in first:
            other.labels[name] = [1 - value for value in values]
    other.write().teach()
    before, after = soft(room.folder / "soft_labels"), soft(other.soften())
    of_first = np.array([int(name.rsplit("-", 1)[1]) in first for name in before.index])
    unchanged = same(before, after)
    assert unchanged[of_first].all() and not unchanged[~of_first].any()
    # their visits without an outcome, too
    assert any(name.startswith("unlabelled") for name in before.index[of_first])


def test_only_train_patients_are_told_anything(room: Room) -> None:
    told = soft(room.folder / "soft_labels").index
    patients = {int(name.rsplit("-", 1)[1]) for name in told}
    assert patients == set(range(40)) and len(told) == 60


def test_nothing_of_validation_and_test_patients_is_fitted(room: Room, tmp_path: Path) -> None:
    other = room.beside(tmp_path)
    for name in other.labels:
        if int(name.rsplit("-", 1)[1]) >= 48:
            other.labels[name] = [1 - value for value in other.labels[name]]
            other.texts[name] = "the of . heart heart ."
    other.write().teach()
    other.soften()
    other.learn()
    for folder in ("teacher/next_diagnoses", "soft_labels"):
        one, two = contents(room.folder / folder), contents(other.folder / folder)
        assert one == two
    weights = "students/export/next_diagnoses/model.safetensors"
    assert (room.folder / weights).read_bytes() == (other.folder / weights).read_bytes()
    predicted = "students/hard/predictions.parquet"
    before, after = (pd.read_parquet(r.folder / predicted) for r in (room, other))
    assert not np.array_equal(before["p"], after["p"])


def test_two_runs_are_the_same_to_the_byte(room: Room, tmp_path: Path) -> None:
    again = room.beside(tmp_path).write()
    again.teach()
    again.soften()
    again.learn()
    for folder in ("teacher", "soft_labels", "students"):
        assert contents(again.folder / folder) == contents(room.folder / folder)
    for name, content in contents(again.folder / "students").items():
        assert str(again.folder).encode() not in content, name


def test_a_killed_run_goes_on_where_it_was(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    again = room.beside(tmp_path / "again").write()
    done: list[int] = []
    epoch = fitting._epoch

    def killed(*given: object) -> float:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return epoch(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        again.teach()
    assert not (again.folder / "teacher").exists()
    assert len(list(own_cache.rglob("*.pt"))) == 2
    rest: list[int] = []

    def counted(*given: object) -> float:
        rest.append(1)
        return epoch(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_epoch", counted)
    assert contents(again.teach()) == contents(room.folder / "teacher")
    assert len(rest) == 3  # of 3 teachers' 2 epochs


def test_kept_layers_change_nothing_to_speak_of(room: Room, tmp_path: Path) -> None:
    other = room.beside(tmp_path).write()
    other.teach(kept_mb=0)
    one, two = (
        pd.read_parquet(r.folder / "teacher/predictions.parquet")["p"] for r in (room, other)
    )
    np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("task", ["mortality", "triage"])
def test_any_task_can_be_distilled(task: Task, bert: Path, tmp_path: Path) -> None:
    room = Room(tmp_path, bert, task).write()
    room.teach()
    room.soften()
    students = room.learn()
    table = pd.read_parquet(students / "full_unlabelled/predictions.parquet")
    assert set(table["class"]) == set(CLASSES[task])
    total = table.groupby(["fold", "sample_id"])["p"].sum()
    assert task != "triage" or np.allclose(total, 1)
    exported = load_exported(students / "export" / task, "torch")
    p, _ = exported.probabilities([room.texts[f"{task}-50"]])
    mine = table[table["sample_id"] == f"{task}-50"].set_index("class")["p"]
    np.testing.assert_allclose(p[0], mine[exported.about.names], atol=1e-6)


def test_a_causal_teacher_that_chats_teaches_too(tmp_path: Path) -> None:
    room = Room(tmp_path, save_qwen(tmp_path / "Tiny-Qwen2")).write()
    room.teach(max_tokens=60)
    told = soft(room.soften(max_tokens=60))
    assert len(told) == 60 and told.to_numpy().std() > 0


def test_the_seeds_json_has_a_line_a_text(room: Room) -> None:
    titles, folder = phenotype_titles(), room.folder / "soft_labels"
    train = read_soft_labels(folder / "hands_next_diagnoses_train.json", titles)
    val = read_soft_labels(folder / "hands_next_diagnoses_val.json", titles)
    assert train.shape == (40, 25) and val.shape == (8, 25)
    table = pd.read_parquet(folder / "soft_labels.parquet")
    last = max(name for name in table["sample_id"] if name.startswith("next"))
    own = table[table["sample_id"] == last].set_index("class")["p"]
    np.testing.assert_allclose(train[-1], own[list(titles)])
    predicted = pd.read_parquet(room.folder / "teacher/predictions.parquet").query("fold == 'val'")
    first = predicted["sample_id"].min()
    own = predicted[predicted["sample_id"] == first].set_index("class")["p"]
    np.testing.assert_allclose(val[0], own[list(titles)], atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_run(room: Room, tmp_path: Path) -> None:
    other = room.beside(tmp_path).write()
    with pytest.raises(InputError, match=r"next_diagnoses, round split, full: the loss is .*epoch"):
        other.teach(learning_rate=1e30, head_learning_rate=1e30, clip_norm=1e30)
    assert not (other.folder / "teacher").exists()


def test_a_text_that_is_missing_is_named(room: Room, tmp_path: Path) -> None:
    other = room.beside(tmp_path).write()
    path = other.folder / "data/instructions.parquet"
    table = pd.read_parquet(path)
    table[table["sample_id"] != "next_diagnoses-7"].to_parquet(path)
    with pytest.raises(InputError, match="instructions"):
        other.teach()


def test_too_few_patients_are_a_reason_and_no_crash(bert: Path, tmp_path: Path) -> None:
    room = Room(tmp_path, bert).write()
    teacher = room.teach(folds=50)
    reason = json.loads((teacher / "skipped.json").read_text())["next_diagnoses"]
    assert reason == "train fold split has 40 patients, fewer than distill.teacher.folds"
    room.soften(folds=50)
    students = room.learn()
    assert json.loads((students / "hard/skipped.json").read_text())["next_diagnoses"] == reason
    assert len(pd.read_parquet(students / "hard/predictions.parquet")) == 0


def test_alpha_is_chosen_on_validation_samples(room: Room) -> None:
    told = json.loads((room.folder / "students/full_unlabelled/recipe.json").read_text())
    fitted = told["fitted"]["next_diagnoses"]["split"]
    by_alpha = fitted["validation_by_alpha"]
    best = max(by_alpha, key=lambda a: by_alpha[a])
    for variant in ("hard", "full_unlabelled", "permuted"):
        own = json.loads((room.folder / f"students/{variant}/recipe.json").read_text())
        weights = own["fitted"]["next_diagnoses"]["split"]["1"]["weights"]
        assert f"{weights['alpha']:g}" == best


def test_hard_labels_alone_do_not_depend_on_what_teachers_say(room: Room, tmp_path: Path) -> None:
    other = room.beside(tmp_path).write()
    other.teach(seed=5)
    other.soften(seed=5)
    other.learn(alphas=[0.9], start="random")
    plain = room.beside(tmp_path / "plain").write()
    plain.teach()
    plain.soften()
    plain.learn(alphas=[0.9], start="random")
    for variant, equal in (("hard", True), ("full_unlabelled", False)):
        one, two = (
            pd.read_parquet(r.folder / f"students/{variant}/predictions.parquet")["p"]
            for r in (plain, other)
        )
        assert np.array_equal(one, two) == equal, variant
