"""The demo page over a fake model: what it shows, whom it shows it, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from fusehr.core.frame.files import write_parquet
from fusehr.core.frame.schemas import PREDICTIONS
from fusehr.serve.cases.case import Case, Event, Note
from fusehr.serve.demo import stays
from fusehr.serve.demo.explorer import CLASSES as EXPLAINED
from fusehr.serve.demo.explorer import PLACES
from fusehr.serve.demo.page import examples
from fusehr.serve.demo.png import OPAQUE
from fusehr.serve.http.gatekeeper import PAGE
from fusehr.serve.predictors.contract import Explanation

from .fakes import ABOUT, CLASSES, FakePredictor, answer
from .pictures import encoded, grey
from .test_http import BAD_BODIES

KEY = "a long key"
JSON = {"content-type": "application/json"}
SENTENCES = ("Short of breath.", "<script>alert(1)</script>", "Denies chest pain.")
HEAT = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
ADDED = np.array([[0.5, -0.25, 0.0], [0.1, 0.2, 0.3], [-1.0, 0.0, 1.0]])
Client = Callable[..., TestClient]


@dataclass
class ExplainedPredictor(FakePredictor):
    """One that says the same of every case."""

    def explain(self, prepared: Any, classes: Sequence[str]) -> Explanation:
        rows = [CLASSES.index(name) for name in classes]
        attention = np.full(3, 1 / 3)
        return Explanation(
            tuple(classes), SENTENCES, attention, ADDED[rows], ADDED[rows, 0], HEAT[rows]
        )


@pytest.fixture
def predictor() -> ExplainedPredictor:
    return ExplainedPredictor()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two test samples and one of validation."""
    params = {"raw": {"source": "synthetic", "remote": "local"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    folder = tmp_path / "data/train/triage_fusion"
    folder.mkdir(parents=True)
    rows = [
        ("val", "triage-1", 1, "low"),
        ("test", "triage-20", 2, "high"),
        ("test", "triage-21", 3, "low"),
    ]
    whole = pd.DataFrame(
        [
            {
                "task": "triage",
                "recipe": "triage_fusion",
                "variant": "full",
                "seed": 1,
                "split_sha": ABOUT.split_sha,
                "fold": fold,
                "sample_id": sample,
                "patient_id": patient,
                "class": name,
                "y": int(name == true),
                "p": p,
            }
            for fold, sample, patient, true in rows
            for name, p in zip(CLASSES, (0.5, 0.2, 0.3), strict=True)
        ]
    )
    write_parquet(folder / "predictions.parquet", whole, PREDICTIONS)
    return tmp_path


@pytest.fixture(autouse=True)
def stays_of_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake model's samples have no tables."""
    told = Case(
        age=71,
        events=[Event(code="spo2", value=97, hours=2), Event(code="spo2", value=91, hours=1)],
        notes=[Note(kind="complaint", text="Cough"), Note(kind="triage_nursing", text="Pale.")],
        text="Read.",
    )
    monkeypatch.setattr(stays, "cases_of", lambda root, task, ids: [told for _ in ids])


def opened(url: str) -> Image.Image:
    head, _, content = url.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_the_page_needs_nothing_from_elsewhere_and_runs_no_other_script(client: TestClient) -> None:
    page = client.get("/demo")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "Not a medical device" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    # nothing that such a policy would keep from working
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|<script(?![^>]*(src=|application/json))", page.text
    )
    own = re.findall(r'(?:src|href)="(demo/[^"]+)"', page.text)
    assert {f"/{path}" for path in own} <= set(PAGE)
    for path in own:
        assert client.get(f"/{path}").status_code == 200
    script = client.get("/demo/page.js").text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    ids = re.findall(r'id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))
    literal = set(re.findall(r'\bat\("([^"]+)"\)', script))
    assert literal - {"key", "key-form"} <= set(ids)


def test_every_example_is_a_case_and_the_csv_has_no_row_in_error(client: TestClient) -> None:
    assert len(examples(ABOUT)) >= 3
    for one in examples(ABOUT):
        told = client.post("/demo/case", json={**one["case"], "image": one["image"]})
        assert told.status_code == 200
    content = client.get("/demo/example.csv").content
    found = client.post("/predict/batch", content=content, headers={"content-type": "text/csv"})
    rows = pd.read_csv(io.StringIO(found.text))
    assert len(rows) == 3 and rows["error"].isna().all()


def test_a_case_is_predicted_as_by_predict_and_explained(client: TestClient) -> None:
    pixels = grey()
    case = {
        "text": "Short of breath.",
        "image": base64.b64encode(encoded(pixels)).decode(),
        "vitals": {"spo2": 90},
    }
    told = client.post("/demo/case", json=case).json()
    assert told["prediction"] == client.post("/predict", json=case).json()
    assert told["tokens"] == list(SENTENCES)
    assert list(told["why"]) == sorted(
        CLASSES, key=lambda name: -told["prediction"]["probabilities"][name]
    )
    for k, name in enumerate(CLASSES):
        why = told["why"][name]
        assert why["added"] == ADDED[k].tolist()
        assert why["added_by_image"] == ADDED[k, 0]
        heat = np.asarray(opened(why["heat"]))
        assert heat.shape == (8, 8, 4)
        assert np.abs(heat[..., 3] / 255 / OPAQUE - HEAT[k]).max() < 0.004
    shown = np.asarray(opened(told["image"]).resize((8, 8), Image.Resampling.BOX)).astype(int)
    assert np.abs(shown - pixels).mean() < 25
    withheld = {one["source"]: list(one["probabilities"].values()) for one in told["withheld"]}
    assert withheld["images"] == answer("Short of breath.").tolist()
    assert withheld["notes"] == answer("", pixels.tobytes()).tolist()
    assert (told["facts"] == [] and "params.yaml" in told["retrieved_not"]) or told["retrieved_not"]


def test_a_model_that_cannot_be_explained_says_so(start: Client) -> None:
    told = start(model=FakePredictor()).post("/demo/case", json={"text": "a"}).json()
    assert told["why"] is None and told["tokens"] == []
    assert sum(told["prediction"]["probabilities"].values()) == pytest.approx(1)


def test_no_more_classes_are_explained_than_a_page_can_show() -> None:
    assert len(CLASSES) <= EXPLAINED


def test_samples_are_those_of_the_test_fold(client: TestClient) -> None:
    told = client.get("/demo/samples").json()
    assert told == {
        "samples": ["triage-20", "triage-21"],
        "count": 2,
        "examples": ["triage-20", "triage-21"],
    }
    assert client.get("/demo/samples?like=21").json()["samples"] == ["triage-21"]
    assert client.get("/demo/samples?like=' OR 1=1 --").json()["samples"] == []


def test_a_test_sample_has_what_came_true_and_what_was_evaluated(client: TestClient) -> None:
    told = client.get("/demo/sample?id=triage-20").json()
    assert told["sample"]["outcome"] == ["high"]
    assert told["sample"]["recorded"] == dict(zip(CLASSES, (0.5, 0.2, 0.3), strict=True))
    assert list(told["prediction"]["probabilities"].values()) == answer("Read.").tolist()
    assert told["case"]["vitals"] == {"spo2": 91}
    assert told["case"]["complaint"] == "Cough" and told["case"]["text"] == "Pale."


@pytest.mark.parametrize(
    "sample", ["triage-1", "triage-99", "", "../../etc/passwd", "' OR 1=1 --", "{{ 7 * 7 }}"]
)
def test_what_is_no_test_sample_is_404(client: TestClient, sample: str) -> None:
    response = client.get("/demo/sample", params={"id": sample})
    assert response.status_code == 404
    assert not sample or sample not in response.text


def test_questions_that_are_none_are_422(client: TestClient) -> None:
    for path in ("/demo/sample", f"/demo/sample?id={'a' * 101}", f"/demo/samples?like={'a' * 101}"):
        assert client.get(path).status_code == 422


def test_the_key_is_asked_for_all_that_tells_of_people(start: Client) -> None:
    client = start(key=KEY)
    for path in PAGE:
        assert client.get(path).status_code == 200
        assert KEY not in client.get(path).text
    assert 'id="key"' in client.get("/demo").text
    asked = (
        ("GET", "/demo/samples"),
        ("GET", "/demo/sample?id=triage-20"),
        ("POST", "/demo/case"),
    )
    for method, path in asked:
        assert client.request(method, path, json={"text": "a"}).status_code == 401
        headers = {"x-api-key": KEY}
        told = client.request(method, path, json={"text": "a"}, headers=headers)
        assert told.status_code == 200
        assert told.headers["cache-control"] == "no-store"


def test_without_a_key_the_page_has_no_field_for_it(client: TestClient) -> None:
    assert 'id="key"' not in client.get("/demo").text


@pytest.mark.parametrize(
    "raw", [{"source": "mimic4", "remote": "x"}, {"source": "oneehr", "remote": "restricted"}]
)
def test_credentialed_samples_are_shown_by_a_service_with_a_key_alone(
    start: Client, root: Path, raw: dict[str, str]
) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump({"raw": raw}))
    without = start()
    for path in ("/demo/samples", "/demo/sample?id=triage-20"):
        assert without.get(path).status_code == 403
    assert without.post("/demo/case", json={"text": "a"}).status_code == 200
    keyed = start(key=KEY)
    for path in ("/demo/samples", "/demo/sample?id=triage-20"):
        assert keyed.get(path, headers={"x-api-key": KEY}).status_code == 200


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=list(BAD_BODIES))
def test_a_bad_body_is_422_and_the_next_one_is_answered(client: TestClient, body: bytes) -> None:
    response = client.post("/demo/case", content=body, headers=JSON)
    assert response.status_code == 422
    assert "Traceback" not in response.text and len(response.json()["error"]) < 1000
    assert client.post("/demo/case", json={"text": "fine"}).status_code == 200


def test_a_body_beyond_the_limit_is_413_and_another_type_415(start: Client) -> None:
    client = start(body_mib=1)
    big = b'{"text": "' + b"a" * (3 << 20) + b'"}'
    assert client.post("/demo/case", content=big, headers=JSON).status_code == 413
    kind = {"content-type": "text/plain"}
    assert client.post("/demo/case", content=b"{}", headers=kind).status_code == 415


def test_texts_are_told_as_they_are_and_nowhere_as_markup(client: TestClient) -> None:
    told = client.post("/demo/case", json={"text": "<b>{{ 7 * 7 }}</b>"})
    assert told.headers["content-type"] == "application/json"
    assert told.json()["tokens"][1] == SENTENCES[1]


def test_more_cases_than_places_are_429_and_the_places_come_back(
    start: Client, predictor: ExplainedPredictor
) -> None:
    client = start()
    predictor.going.clear()
    with ThreadPoolExecutor(PLACES + 2) as pool:
        asked = [
            pool.submit(client.post, "/demo/case", json={"text": f"t{k}"})
            for k in range(PLACES + 2)
        ]
        time.sleep(0.5)
        predictor.going.set()
        found = sorted(one.result().status_code for one in asked)
    assert found == [200] * PLACES + [429] * 2
    assert client.post("/demo/case", json={"text": "after"}).status_code == 200


def test_no_answer_in_time_is_503_and_the_service_goes_on(
    start: Client, predictor: ExplainedPredictor
) -> None:
    class Slow(ExplainedPredictor):
        def explain(self, prepared: Any, classes: Sequence[str]) -> Explanation:
            predictor.going.wait(20)
            return super().explain(prepared, classes)

    client = start(timeout_s=0.5, model=Slow())
    predictor.going.clear()
    for _ in range(PLACES + 1):
        assert client.post("/demo/case", json={"text": "late"}).status_code == 503
    predictor.going.set()
    time.sleep(0.3)
    assert client.post("/demo/case", json={"text": "soon"}).status_code == 200


def test_a_failed_explanation_says_nothing_of_the_case(
    start: Client, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(ExplainedPredictor):
        def explain(self, prepared: Any, classes: Sequence[str]) -> Explanation:
            raise ValueError(f"cannot read {prepared}")

    client = start(model=Broken())
    response = client.post("/demo/case", json={"text": "a secret"})
    assert response.status_code == 500
    assert "secret" not in response.text and "secret" not in caplog.text
    assert client.post("/predict", json={"text": "a"}).status_code == 200


def test_what_is_counted_has_the_route_and_no_id(client: TestClient) -> None:
    client.get("/demo/sample?id=triage-20")
    text = client.get("/metrics").text
    assert 'fusehr_requests_total{route="/demo/sample",status="200"} 1.0' in text
    assert "triage-20" not in text


def test_the_document_of_the_api_leaves_the_page_out(client: TestClient) -> None:
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "demo" in path]


def test_the_data_of_the_page_is_no_markup(client: TestClient) -> None:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', client.get("/demo").text
    )
    assert found and "<" not in found[1]
    assert json.loads(found[1])["classes"] == list(CLASSES)
