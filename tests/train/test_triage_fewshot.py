"""Few-shot triage by a chat model behind a real server: what it is shown, what is made of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusehr.core.cohort import TaskSamples, load_rounds, load_task
from fusehr.core.embed_schemas import NOTE_SENTENCES
from fusehr.core.folds import Fold, fold_rows
from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.schemas import NOTES
from fusehr.core.frame.tasks import TASKS
from fusehr.core.gate.availability import open_tables
from fusehr.train.engine.contract import Fit, Fitted, Source
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.task import ROWS
from fusehr.train.fewshot.answer import probabilities
from fusehr.train.fewshot.cases import Cases
from fusehr.train.fewshot.nearest import nearest_among

from ..chat_server import ChatServer
from .multimodal import write_multimodal

pytestmark = pytest.mark.usefixtures("chat_environment")

ROOT = Path(__file__).parents[2]
LEVELS = ("high", "low", "medium")
K = 4
# of a patient's note as a prompt shows it
MARK = re.compile(r"patient-(\d+)")


def mark_notes(tables: Path) -> Path:
    """Each note begins with its patient's number, and one of another time says so.

    Those are the ones written after triage, and a note of an earlier visit that everybody has whom
    notes are of, with sentences that are another patient's.
    """
    notes = pd.read_parquet(tables / "notes.parquet")
    path = tables.parent / "embed" / "note_sentences.parquet"
    sentences = pd.read_parquet(path)
    at_triage = notes[notes["code"] == "triage_nursing"]
    years = pd.Timedelta(days=900)
    earlier = at_triage.assign(
        note_id="old-" + at_triage["note_id"],
        event_time=at_triage["event_time"] - years,
        available_time=at_triage["available_time"] - years,
    )
    ids = at_triage["note_id"].tolist()
    other = {of: f"old-{to}" for of, to in zip(ids, [*ids[1:], ids[0]], strict=True)}
    copied = sentences[sentences["note_id"].isin(ids)]
    copied = copied.assign(note_id=copied["note_id"].map(other))
    late = notes["code"].ne("triage_nursing").map({True: " written-later", False: ""})
    notes["text"] = "patient-" + notes["patient_id"].astype(str) + late + ". " + notes["text"]
    earlier["text"] = "written-earlier. " + earlier["text"]
    write_parquet(tables / "notes.parquet", pd.concat([notes, earlier]), NOTES)
    write_parquet(path, pd.concat([sentences, copied]), NOTE_SENTENCES)
    return tables


@pytest.fixture(scope="module")
def told(make_tables: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables and vectors of 100 patients, 15 % of whom have no notes; not to be changed."""
    root = tmp_path_factory.mktemp("told")
    return mark_notes(write_multimodal(make_tables(root / "data" / "tables", patients=100)))


@pytest.fixture
def ask(trained: Callable[..., Path], told: Path) -> Callable[..., Path]:
    """Trains the recipe; `changes` are of its own block."""

    def run(server: ChatServer, tables: Path = told, **changes: Any) -> Path:
        block = {"endpoint": f"chat:{server.url}", "k": K, "chat__retries": 0, **changes}
        own = {f"recipes__triage_fewshot__{name}": value for name, value in block.items()}
        return trained("triage_fewshot", tables, train__tasks=["triage"], **own)

    return run


def levels_shown(text: str) -> list[str]:
    return re.findall(r"^Level: (.*)$", text, re.MULTILINE)


def as_shown(text: str) -> str:
    """An answer: the shares of the levels of the examples."""
    shown = Counter(levels_shown(text))
    total = max(sum(shown.values()), 1)
    return json.dumps({level: shown[level] / total if shown else 1 / 3 for level in LEVELS})


def prompts(server: ChatServer) -> list[str]:
    return [body["messages"][1]["content"] for body in server.asked]


def parts(text: str) -> tuple[list[str], str]:
    """A prompt's examples, and its case."""
    *examples, case = text.split("\n\n")
    assert case.startswith("Case to assess")
    return examples, case


def marked(text: str) -> list[int]:
    return [int(number) for number in MARK.findall(text)]


def predicted(folder: Path, variant: str = "full") -> pd.DataFrame:
    """p by sample and class."""
    found = pd.read_parquet(folder / "predictions.parquet").query("variant == @variant")
    return found.pivot(index="sample_id", columns="class", values="p")


def written(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def truth(tables: Path) -> dict[int, str]:
    """patient -> recorded level."""
    samples = load_task(tables, "triage")
    levels = [samples.classes[k] for k in samples.labels.argmax(axis=1)]
    return dict(zip(samples.samples["patient_id"].tolist(), levels, strict=True))


def mean_vectors(tables: Path) -> pd.DataFrame:
    """patient -> mean vector of the sentences of the notes written before triage."""
    notes = pd.read_parquet(tables / "notes.parquet")
    notes = notes[(notes["code"] == "triage_nursing") & ~notes["note_id"].str.startswith("old-")]
    sentences = pd.read_parquet(tables.parent / "embed" / "note_sentences.parquet")
    vectors = pd.read_parquet(tables.parent / "embed" / "vectors.parquet")
    joined = notes[["patient_id", "note_id"]].merge(sentences, on="note_id")
    joined = joined.merge(vectors[["text_sha256", "vector"]], on="text_sha256")
    return pd.DataFrame(
        {
            patient: np.stack(list(rows["vector"])).astype(np.float64).mean(axis=0)
            for patient, rows in joined.groupby("patient_id")
        }
    ).T


def test_a_probability_is_what_the_model_says_of_the_nearest_train_cases(
    serve: Callable, ask: Callable[..., Path], told: Path
) -> None:
    found = predicted(ask(serve(as_shown)))
    split, recorded, vectors = load_rounds(told)[0], truth(told), mean_vectors(told)
    unit = vectors.div(np.linalg.norm(vectors, axis=1), axis=0)
    train = unit[unit.index.isin(split.train)].sort_index()
    samples = load_task(told, "triage").samples.set_index("sample_id")["patient_id"]
    compared = 0
    for sample, row in found.iterrows():
        patient = samples.loc[str(sample)]
        if patient not in unit.index:
            continue
        cosine = (train @ unit.loc[patient]).round(6)
        nearest = cosine.sort_values(ascending=False, kind="stable").index[:K]
        shown = Counter(recorded[one] for one in nearest)
        np.testing.assert_allclose(row[list(LEVELS)], [shown[name] / K for name in LEVELS])
        compared += 1
    assert compared > 25


def test_a_second_run_asks_nothing_and_writes_the_same_bytes(
    serve: Callable, ask: Callable[..., Path]
) -> None:
    server = serve(as_shown)
    before = written(ask(server))
    asked = len(server.asked)
    assert "weights/triage/split/1.json" in before and asked > 100
    server.close()
    assert written(ask(server)) == before
    assert len(server.asked) == asked


def test_examples_are_train_cases_with_their_level_and_never_the_case_itself(
    serve: Callable, ask: Callable[..., Path], told: Path
) -> None:
    server = serve(as_shown)
    ask(server)
    split, recorded = load_rounds(told)[0], truth(told)
    own: set[int] = set()
    for text in prompts(server):
        examples, case = parts(text)
        assert len(examples) == K and not levels_shown(case)
        own |= set(marked(case))
        for example in examples:
            for patient in marked(example):
                assert patient in split.train
                assert levels_shown(example) == [recorded[patient]]
    assert own and own <= split.val | split.test
    assert not any(re.search("written-(later|earlier)", text) for text in prompts(server))


def test_labels_of_others_than_train_patients_change_no_prompt(
    serve: Callable,
    ask: Callable[..., Path],
    told: Path,
    altered: Callable[..., Path],
    tmp_path: Path,
) -> None:
    split = load_rounds(told)[0]
    (tmp_path / "embed").symlink_to(told.parent / "embed")

    def asked(patients: frozenset[int]) -> set[str]:
        label = pd.read_parquet(told / "label.parquet")
        turned = {"high": "low", "low": "medium", "medium": "high"}
        rows = (label["task"] == "triage") & label["patient_id"].isin(patients)
        label.loc[rows, "class"] = label.loc[rows, "class"].replace(turned)
        (tmp_path / "tables").mkdir(exist_ok=True)
        server = serve(as_shown)
        ask(server, altered(told, tmp_path / "tables", label=label), chat__model=str(len(patients)))
        return {json.dumps(body["messages"]) for body in server.asked}

    before = asked(frozenset())
    assert asked(split.val | split.test) == before
    assert asked(split.train).isdisjoint(before)


@contextmanager
def fitted(
    tables: Path, project: Callable, root: Path, **changes: Any
) -> Iterator[tuple[Fitted, Fold, TaskSamples]]:
    """The recipe fitted on triage in this process."""
    project(root, {f"recipes.triage_fewshot.{name}": value for name, value in changes.items()})
    job = load_job("triage_fewshot", stage_params("train@triage_fewshot", root))
    samples = load_task(tables, "triage")
    with open_tables(tables, job.recipe.tables, threads=1) as con:
        con.execute(ROWS, {"sample_ids": samples.samples["sample_id"].tolist()})
        inputs = job.recipe.inputs(Source(con, tables, 1), samples)
    fold = fold_rows(samples, load_rounds(tables))[0]
    yield inputs.fit(Fit(fold, 1, "triage_fewshot, triage", lambda epoch: None)), fold, samples


def test_a_train_case_is_no_example_of_its_own(
    serve: Callable, told: Path, project: Callable, tmp_path: Path
) -> None:
    server = serve(as_shown)
    with fitted(told, project, tmp_path, endpoint=f"chat:{server.url}") as (model, fold, _):
        model.predict(fold.train)
    assert len(server.asked) == len(fold.train)
    for text in prompts(server):
        examples, case = parts(text)
        assert set(marked(case)).isdisjoint(marked("".join(examples)))


def test_folds_of_a_cross_validation_show_no_patient_whom_they_predict(
    serve: Callable,
    ask: Callable[..., Path],
    make_tables: Callable[..., Path],
    tmp_path: Path,
) -> None:
    tables = make_tables(tmp_path / "data" / "tables", patients=60, cv=True)
    mark_notes(write_multimodal(tables))
    server = serve(as_shown)
    folder = ask(server, tables)
    rounds = load_rounds(tables)
    assert len(list((folder / "weights/triage").iterdir())) == len(rounds) == 5
    for text in prompts(server):
        examples, case = parts(text)
        shown = set(marked("".join(examples)))
        for patient in marked(case):
            assert any(
                patient in one.val | one.test and shown <= one.train - one.val - one.test
                for one in rounds
            )


def cases(vectors: Sequence[Sequence[float]], vitals: Sequence[Sequence[float]]) -> Cases:
    return Cases(np.array(vitals), ("",) * len(vitals), np.array(vectors))


NAN = float("nan")


def test_the_nearest_are_of_other_patients() -> None:
    found = cases([[1, 0], [1, 0], [0.8, 0.6], [0, 1], [1, 0]], [[NAN]] * 5)
    patients = np.array([7, 7, 8, 9, 6])
    nearest = nearest_among(found, np.array([0, 1, 2, 3]), patients)
    assert nearest.to(found, 0, patient=7, k=3) == [2, 3]
    assert nearest.to(found, 4, patient=6, k=3) == [0, 1, 2]
    assert nearest.to(found, 4, patient=6, k=0) == []


def test_without_a_vector_the_nearest_are_those_with_like_vitals() -> None:
    """In standard deviations: 10 of the first vital are less than 2 of the second."""
    vitals = [[60, 36], [100, 36], [60, 40], [NAN, 38], [70, 36], [NAN, NAN]]
    found = cases([[1, 0]] * 4 + [[NAN, NAN]] * 2, vitals)
    nearest = nearest_among(found, np.arange(4), np.arange(6))
    assert nearest.to(found, 4, patient=4, k=2) == [0, 3]
    # of whom nothing is known is as the train mean
    assert nearest.to(found, 5, patient=5, k=1) == [3]
    no_vectors = cases([[]] * 6, vitals)
    nearest = nearest_among(no_vectors, np.arange(4), np.arange(6))
    assert nearest.to(no_vectors, 4, patient=4, k=2) == [0, 3]


def test_train_cases_without_a_vector_are_no_neighbours_of_one_with() -> None:
    found = cases([[NAN, NAN], [0, 1], [1, 0]], [[80.0], [60.0], [80.0]])
    nearest = nearest_among(found, np.array([0, 1]), np.arange(3))
    assert nearest.to(found, 2, patient=2, k=2) == [1]


def test_a_case_without_notes_is_asked_about_by_its_vitals(
    serve: Callable, ask: Callable[..., Path], told: Path
) -> None:
    server = serve(as_shown)
    ask(server, modalities=["series"])
    assert not any(marked(text) for text in prompts(server))
    before = set(prompts(server))
    for text in before:
        examples, case = parts(text)
        assert len(examples) == K
        assert re.search(r"^Last vital signs: .*[a-z] [\d.]+ (bpm|mmHg|%|C)", case, re.MULTILINE)
        assert "Notes: none recorded" in case
    # the same cases beside others that have notes: the examples' vitals are the same, and their
    # notes are there
    both = serve(as_shown)
    ask(both, chat__model="other")
    silent = [text for text in prompts(both) if not marked(parts(text)[1])]
    assert silent and any(marked(text) for text in silent)
    assert {re.sub("Notes: .*", "Notes: none recorded", text) for text in silent} == before


def test_a_case_of_which_nothing_is_known_is_not_asked_about(
    serve: Callable, ask: Callable[..., Path], told: Path
) -> None:
    server = serve(as_shown)
    folder = ask(server, modalities=["notes"])
    samples = load_task(told, "triage")
    (fold,) = fold_rows(samples, load_rounds(told))
    noted = set(pd.read_parquet(told / "notes.parquet")["patient_id"])
    tested = samples.samples.iloc[np.concatenate([fold.val, fold.test])]
    silent = tested[~tested["patient_id"].isin(noted)]["sample_id"]
    assert 0 < len(silent) == len(tested) - len(server.asked)
    shares = samples.labels[fold.train].mean(axis=0)
    found = predicted(folder).loc[silent, list(samples.classes)]
    np.testing.assert_allclose(found, np.tile(shares, (len(silent), 1)))


def test_what_is_withheld_of_a_case_is_not_told(
    serve: Callable, told: Path, project: Callable, tmp_path: Path
) -> None:
    server = serve(as_shown)
    with fitted(told, project, tmp_path, endpoint=f"chat:{server.url}") as (model, fold, _):
        model.predict(fold.test, without=("series", "indicators"))
        without_series = [parts(text)[1] for text in prompts(server)]
        server.asked.clear()
        model.predict(fold.test, without=("notes", "findings"))
        without_notes = [parts(text)[1] for text in prompts(server)]
        server.asked.clear()
        model.predict(fold.test, without=("series", "notes"))
    assert without_series and all("vital signs: none recorded" in one for one in without_series)
    assert any(marked(one) for one in without_series)
    assert len(without_notes) == len(fold.test)
    assert all("Notes: none recorded" in one for one in without_notes)
    assert not any("vital signs: none recorded" in one for one in without_notes)
    assert server.asked == []


def test_text_is_told_up_to_the_limit(serve: Callable, ask: Callable[..., Path]) -> None:
    server = serve(as_shown)
    ask(server, most_characters=12)
    notes = re.findall(r"^Notes: (.*)$", "\n".join(prompts(server)), re.MULTILINE)
    assert {note for note in notes if note != "none recorded"} >= {"patient-1000"[:12]}
    assert max(map(len, notes)) <= len("none recorded")


@pytest.mark.parametrize("k", [0, 10_000])
def test_any_number_of_examples(
    serve: Callable, ask: Callable[..., Path], told: Path, k: int
) -> None:
    server = serve(as_shown)
    found = predicted(ask(server, k=k))
    train = load_rounds(told)[0].train
    noted = train & set(pd.read_parquet(told / "notes.parquet")["patient_id"])
    for text in prompts(server):
        examples, case = parts(text)
        assert len(examples) == (0 if not k else len(noted) if marked(case) else len(train))
    if not k:
        np.testing.assert_allclose(found, 1 / 3)


def test_malformed_answers_stop_the_run_above_a_share(
    serve: Callable, ask: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(lambda text: f"I cannot judge {text[-400:]}")
    with pytest.raises(InputError, match=r"for (\d+) of \1 cases \(recipes\.triage_fewshot") as bad:
        ask(server)
    assert "recipes.triage_fewshot.chat.max_malformed_share" in str(bad.value)
    assert not marked(str(bad.value)) and not marked("".join(capfd.readouterr()))


def test_malformed_answers_within_the_share_count_as_the_shares_of_train_cases(
    serve: Callable, ask: Callable[..., Path], told: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def sometimes(text: str) -> str:
        return "no" if "none recorded" in parts(text)[1] else as_shown(text)

    folder = ask(serve(sometimes), chat__max_malformed_share=1.0)
    samples = load_task(told, "triage")
    (fold,) = fold_rows(samples, load_rounds(told))
    shares = samples.labels[fold.train].mean(axis=0)
    found = predicted(folder, "without_notes")[list(samples.classes)]
    np.testing.assert_allclose(found, np.tile(shares, (len(found), 1)))
    full = predicted(folder)[list(samples.classes)].to_numpy()
    prevalent = np.isclose(full, shares).all(axis=1)
    assert 0 < prevalent.sum() < len(full) / 2
    assert (
        f"{prevalent[: len(full)].sum()}"
        and "answers hold no probabilities" in capfd.readouterr().out
    )


def test_no_text_of_a_note_is_written_or_printed(
    serve: Callable, ask: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(as_shown)
    folder = ask(server)
    assert any(marked(text) for text in prompts(server))
    for name, content in written(folder).items():
        assert b"patient-" not in content, name
    assert not marked("".join(capfd.readouterr()))


def test_the_summary_tells_what_the_examples_are(
    serve: Callable, ask: Callable[..., Path], told: Path
) -> None:
    server = serve(as_shown)
    folder = ask(server)
    summary = json.loads((folder / "weights/triage/split/1.json").read_text())
    fitted_as = json.loads((folder / "recipe.json").read_text())["fitted"]["triage"]["split"]["1"]
    train = load_rounds(told)[0].train
    assert fitted_as == {"train": len(train), **summary}
    assert summary["examples"] == K and summary["train_with_vitals"] == len(train)
    assert {body["messages"][0]["content"] for body in server.asked} == {summary["instruction"]}
    recorded = Counter(level for patient, level in truth(told).items() if patient in train)
    for level in LEVELS:
        share = recorded[level] / len(train)
        assert summary["prevalence"][level] == pytest.approx(share)
        assert f'"{level}": {round(share, 2)}' in summary["instruction"]


def test_without_an_endpoint_it_is_skipped_with_the_reason(
    trained: Callable[..., Path], tables: Path, tmp_path: Path
) -> None:
    folder = trained("triage_fewshot", tables)
    skipped = json.loads((folder / "skipped.json").read_text())
    assert list(skipped) == sorted(TASKS)
    assert skipped["triage"].startswith("endpoint: none; name chat:<url> of an OpenAI-compatible")
    assert skipped["mortality"] == "asks for one of several levels, which triage alone has"
    assert pd.read_parquet(folder / "predictions.parquet").empty
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("endpoint", "openai", r"\.endpoint: expected none or chat:<url>, found 'openai'"),
        ("endpoint", "chat:", r"\.endpoint: expected none or chat:<url>, found 'chat:'"),
        ("endpoint", "chat:localhost", r"\.endpoint: expected none or chat:<url>"),
        ("k", -1, r"\.k: .*greater than or equal to 0, found -1"),
        ("most_characters", 0, r"\.most_characters: "),
        ("vitals", {}, r"\.vitals: "),
        ("modalities", [], r"\.modalities: "),
        ("modalities", ["notes", "notes"], r"\.modalities: expected each modality once"),
        ("modalities", ["images"], r"\.modalities\.0: .*'images'"),
        ("chat.retries", "many", r"\.chat\.retries: .*'many'"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    path: str, value: object, message: str, project: Callable, tmp_path: Path
) -> None:
    project(tmp_path, {f"recipes.triage_fewshot.{path}": value})
    with pytest.raises(InputError, match=r"params\.yaml: recipes\.triage_fewshot" + message):
        load_job("triage_fewshot", stage_params("train@triage_fewshot", tmp_path))


def test_vitals_have_the_units_of_the_tables() -> None:
    block = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]["triage_fewshot"]
    units = pd.read_csv(ROOT / "src/fusehr/tables/variables.csv").set_index("name")["unit"]
    assert block["vitals"] == units[list(block["vitals"])].to_dict()


def test_an_answer_is_one_object_of_probabilities() -> None:
    found = probabilities(
        'Here:\n```json\n{"low": 0.33, "high": 0.33, "medium": 0.33}\n```', LEVELS
    )
    assert found is not None
    np.testing.assert_allclose(found, 1 / 3)
    found = probabilities('{"low": 1, "high": 0, "medium": 0.0}', LEVELS)
    assert found is not None and found.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "answer",
    [
        "high",
        "",
        "[0.2, 0.3, 0.5]",
        '{"level": "high"}',
        '{"high": 0.5, "low": 0.5}',
        '{"high": 0.5, "low": 0.3, "medium": 0.2, "none": 0.0}',
        '{"high": 0.5, "low": 0.3, "low": 0.2, "medium": 0.0}',
        '{"High": 0.5, "low": 0.3, "medium": 0.2}',
        '{"high": "0.5", "low": 0.3, "medium": 0.2}',
        '{"high": true, "low": 0, "medium": 0}',
        '{"high": 1.5, "low": -0.5, "medium": 0.0}',
        '{"high": 50, "low": 30, "medium": 20}',
        '{"high": NaN, "low": 0.5, "medium": 0.5}',
        '{"high": 0.5, "low": 0.3, "medium": 0.3}',
        '{"high": 0.0, "low": 0.0, "medium": 0.0}',
        '{"high": 0.5, "low": 0.3, "medium": 0.2',
        '{"high": 0.5, "low": 0.3, "medium": 0.2} or {"high": 1, "low": 0, "medium": 0}',
    ],
)
def test_any_other_answer_is_malformed(answer: str) -> None:
    assert probabilities(answer, LEVELS) is None
