"""The service over a fake model: its answers, its limits, and what it does with hostile input."""

from __future__ import annotations

import base64
import csv
import io
import json
import logging
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from .fakes import CLASSES, FakePredictor, answer
from .pictures import bomb, encoded, grey

KEY = "a long key"
JSON = {"content-type": "application/json"}
Client = Callable[..., TestClient]


def values(told: dict[str, float]) -> list[float]:
    return [told[name] for name in CLASSES]


def image(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_case_in_json_and_as_a_form_has_one_answer(client: TestClient) -> None:
    pixels = grey()
    case = {"text": "Short of breath.", "vitals": {"spo2": 90}}
    expected = answer("Short of breath.", pixels.tobytes())
    inline = client.post("/predict", json={**case, "image": image(encoded(pixels))}).json()
    files = {"image": ("chest.png", encoded(pixels), "image/png")}
    form = client.post("/predict", data={"case": json.dumps(case)}, files=files).json()
    assert values(inline["probabilities"]) == expected.tolist()
    assert form == inline
    assert inline["predicted"] == CLASSES[int(expected.argmax())]
    assert inline["not_read"] == ["vitals"]


def test_calibrated_probabilities_are_those_of_validation(
    client: TestClient, predictor: FakePredictor
) -> None:
    told = client.post("/predict", json={"text": "Pale."}).json()
    fitted = predictor.recalibration.apply(answer("Pale.")[None])
    assert fitted is not None
    assert values(told["calibrated"]) == fitted[0].tolist()
    assert sum(told["calibrated"].values()) == pytest.approx(1)


def test_requests_at_once_are_predicted_together(
    client: TestClient, predictor: FakePredictor
) -> None:
    predictor.going.clear()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(client.post, "/predict", json={"text": f"t{k}"}) for k in range(16)]
        time.sleep(0.3)
        predictor.going.set()
        found = [one.result().json() for one in asked]
    for k, told in enumerate(found):
        assert values(told["probabilities"]) == answer(f"t{k}").tolist()
    assert max(predictor.sizes) >= 8


def test_a_full_queue_is_429_and_the_service_goes_on(
    start: Client, predictor: FakePredictor
) -> None:
    client = start(queue=2, max_batch=1)
    predictor.going.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.post, "/predict", json={"text": f"t{k}"}) for k in range(8)]
        time.sleep(0.5)
        predictor.going.set()
        found = [one.result() for one in asked]
    statuses = [one.status_code for one in found]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == 3  # one predicted, two waiting
    refused = next(one for one in found if one.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert client.post("/predict", json={"text": "after"}).status_code == 200


def test_no_answer_in_time_is_503(start: Client, predictor: FakePredictor) -> None:
    client = start(timeout_s=0.2)
    predictor.going.clear()
    assert client.post("/predict", json={"text": "late"}).status_code == 503
    predictor.going.set()
    assert client.post("/predict", json={"text": "soon"}).status_code == 200


def test_the_key_is_asked_for_everywhere_but_health(start: Client) -> None:
    client = start(key=KEY)
    for path in ("/models", "/model-card", "/metrics", "/variables", "/nothing"):
        assert client.get(path).status_code == 401
    for headers in ({}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"x-api-key": KEY + "x"}):
        response = client.post("/predict", json={"text": "a"}, headers=headers)
        assert response.status_code == 401
        assert KEY not in response.text
    assert client.get("/healthz").status_code == 200
    for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        assert client.post("/predict", json={"text": "a"}, headers=headers).status_code == 200


def test_without_a_key_none_is_asked_for(client: TestClient) -> None:
    assert client.get("/models").status_code == 200


DEEP = b"[" * 100_000
BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{text: hello}",
    "cut": b'{"text": "hel',
    "deep": DEEP,
    "deep in a case": b'{"vitals": ' + DEEP,
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "half a pair": b'{"text": "\\ud800"}',
    "null character": b'{"text": "a\\u0000b"}',
    "list": b"[1, 2]",
    "number": b"1e999",
    "nothing in it": b"{}",
    "blank text": b'{"text": "   "}',
    "unknown field": b'{"text": "a", "triage": 1}',
    "number as text": b'{"vitals": {"spo2": "98"}}',
    "true as number": b'{"vitals": {"spo2": true}}',
    "NaN": b'{"vitals": {"spo2": NaN}}',
    "infinity": b'{"vitals": {"spo2": Infinity}}',
    "overflow": b'{"vitals": {"spo2": 1e999}}',
    "huge integer": b'{"vitals": {"spo2": ' + b"9" * 5000 + b"}}",
    "unknown variable": b'{"vitals": {"__class__": 1}}',
    "impossible": b'{"vitals": {"spo2": 900}}',
    "the future": b'{"events": [{"code": "spo2", "value": 98, "hours": -1}]}',
    "before birth": b'{"events": [{"code": "spo2", "value": 98, "hours": 1e9}]}',
    "a code of SQL": b'{"events": [{"code": "x\'; DROP TABLE samples; --", "value": 1}]}',
    "two current visits": b'{"visits": [{"current": true}, {"current": true}]}',
    "ICD of SQL": b'{"visits": [{"diagnoses": ["\' OR 1=1"]}]}',
    "no base64": b'{"image": "not base64!"}',
    "no image": b'{"image": "aGVsbG8="}',
    "bomb": json.dumps({"image": base64.b64encode(bomb()).decode()}).encode(),
    "long text": json.dumps({"text": "a" * 100_001}).encode(),
    "many events": json.dumps(
        {"events": [{"code": "spo2", "value": 98, "hours": 1}] * 20_001}
    ).encode(),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=list(BAD_BODIES))
def test_a_bad_body_is_422_in_plain_words_and_the_next_one_is_answered(
    client: TestClient, body: bytes
) -> None:
    response = client.post("/predict", content=body, headers=JSON)
    assert response.status_code == 422
    message = response.json()["error"]
    assert message and len(message) < 1000 and "Traceback" not in message
    assert client.post("/predict", json={"text": "fine"}).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE notes; --",
        "{{ 7 * 7 }} ${7*7} {% include '/etc/passwd' %}",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%s%n%x",
        "word " * 10_000,
        "\u202eright to left \U0001f691 e\u0301",
        "\x01\x1b[31m\r\n",
    ],
    ids=["SQL", "template", "script", "path", "format", "10,000 words", "Unicode", "control"],
)
def test_a_text_is_a_text_whatever_it_says(client: TestClient, text: str) -> None:
    told = client.post("/predict", json={"text": text}).json()
    assert values(told["probabilities"]) == answer(text).tolist()


def test_other_types_of_content_are_415(client: TestClient) -> None:
    for kind in ("text/plain", "application/xml", ""):
        headers = {"content-type": kind}
        assert client.post("/predict", content=b"{}", headers=headers).status_code == 415
        assert client.post("/predict/batch", content=b"{}", headers=headers).status_code == 415


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x.png", "a/b.png"])
def test_a_path_as_the_name_of_a_file_is_refused(client: TestClient, name: str) -> None:
    response = client.post("/predict", files={"image": (name, encoded(grey()))})
    assert response.status_code == 422
    assert name not in response.text


def test_a_file_that_is_a_picture_and_more_is_a_picture(client: TestClient) -> None:
    pixels = grey()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../../outside.txt", "<?php system('id'); ?>")
    for name in ("chest.png", "chest.php", "chest.zip"):
        content = encoded(pixels) + archive.getvalue()
        response = client.post("/predict", files={"image": (name, content, "application/zip")})
        assert values(response.json()["probabilities"]) == answer("", pixels.tobytes()).tolist()


def test_forms_that_are_none_are_refused(client: TestClient) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    bodies = (
        b"",
        b"--y\r\n",
        b"--x\r\nno header",
        b"--x\r\ncontent-disposition: form-data\r\n\r\n",
    )
    for body in bodies:
        assert client.post("/predict", content=body, headers=kind).status_code in (400, 422)
    headers = {"content-type": "multipart/form-data"}
    assert client.post("/predict", content=b"x", headers=headers).status_code in (400, 422)
    png = encoded(grey())
    for files in (
        {"picture": ("a.png", png)},
        [("image", ("a.png", png)), ("image", ("b.png", png))],
        {"case": ("a.json", b'{"text": "a"}')},
        {"image": ("a.png", b"")},
    ):
        assert client.post("/predict", files=files).status_code in (400, 422)
    both = {"text": "a", "image": image(png)}
    response = client.post(
        "/predict", data={"case": json.dumps(both)}, files={"image": ("a.png", png)}
    )
    assert response.status_code == 422


def test_a_body_beyond_the_limit_is_413_told_or_not(start: Client) -> None:
    client = start(body_mib=1, batch_mib=2)
    big = b'{"text": "' + b"a" * (3 << 20) + b'"}'
    assert client.post("/predict", content=big, headers=JSON).status_code == 413

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(big), 1 << 16):
            yield big[start : start + (1 << 16)]

    assert client.post("/predict", content=chunks(), headers=JSON).status_code == 413
    kind = {"content-type": "text/csv"}
    assert client.post("/predict/batch", content=big, headers=kind).status_code == 413
    headers = {**JSON, "content-length": "abc"}
    assert client.post("/predict", content=b"{}", headers=headers).status_code == 400


def test_another_model_or_path_is_404(client: TestClient) -> None:
    for path in ("/predict?model=other", "/predict/batch?model=other", "/predict/../../etc", "/x"):
        assert client.post(path, json={"text": "a"}).status_code == 404
    assert client.get("/predict").status_code == 405
    assert client.post("/predict?model=triage_fusion", json={"text": "a"}).status_code == 200


def test_what_fails_inside_says_nothing_of_the_case(
    client: TestClient, predictor: FakePredictor, caplog: pytest.LogCaptureFixture
) -> None:
    predictor.broken = "a secret"
    with caplog.at_level(logging.DEBUG, logger="fusehr.serve"):
        response = client.post("/predict", json={"text": "a secret"})
    assert response.status_code == 500
    assert "secret" not in response.text + caplog.text
    assert "ValueError" in caplog.text


def test_the_log_has_no_word_of_a_request(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="fusehr.serve"):
        client.post("/predict?model=secret1", json={"text": "secret2"})
        client.get("/secret3")
        client.post("/predict", json={"secret4": 1})
        client.post("/predict/batch", content=b"secret5", headers={"content-type": "text/csv"})
    assert "secret" not in caplog.text
    assert "POST /predict 404" in caplog.text and "GET other 404" in caplog.text


def test_jsonl_is_answered_line_by_line_with_its_errors(client: TestClient) -> None:
    lines = [
        b'{"id": "x", "text": "one"}',
        b"",
        b'{"text": 3}',
        b"no JSON",
        DEEP,
        b'{"id": "y", "text": "two", "vitals": {"spo2": NaN}}',
        b'{"id": "z", "text": "three"}',
    ]
    kind = {"content-type": "application/x-ndjson"}
    response = client.post("/predict/batch", content=b"\n".join(lines), headers=kind)
    found = [json.loads(line) for line in response.text.splitlines()]
    assert [row["row"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert ["error" in row for row in found] == [False, True, True, True, True, False]
    assert found[0]["id"] == "x" and found[5]["id"] == "z"
    assert values(found[5]["probabilities"]) == answer("three").tolist()


def test_csv_is_answered_row_by_row(client: TestClient, predictor: FakePredictor) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["patient_id", "emr_text", "spo2"])
    texts = [f'line one\nline "two" of {k}, with a comma' for k in range(200)]
    writer.writerows([k, text, 95] for k, text in enumerate(texts))
    writer.writerow([200, "", "x"])
    kind = {"content-type": "text/csv; charset=utf-8"}
    response = client.post("/predict/batch", content=table.getvalue().encode(), headers=kind)
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["patient_id"] for row in rows] == [str(k) for k in range(201)]
    found = np.array([[float(row[f"p_{name}"]) for name in CLASSES] for row in rows[:200]])
    assert np.array_equal(found, [answer(text) for text in texts])
    assert rows[200]["error"] and not rows[200]["predicted"]
    assert max(predictor.sizes) > 16


def test_a_short_csv_does_not_limit_what_others_read(client: TestClient) -> None:
    kind = {"content-type": "text/csv"}
    assert client.post("/predict/batch", content=b"text\na\n", headers=kind).status_code == 200
    assert next(csv.reader(["a" * 100_000])) == ["a" * 100_000]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"image_path,text\n/etc/passwd,a\n", b"text,text\na,b\n", b"x\n1\n", b'"a'],
    ids=["empty", "no UTF-8", "path", "twice", "unknown", "open quote"],
)
def test_a_csv_with_another_header_is_422(client: TestClient, content: bytes) -> None:
    kind = {"content-type": "text/csv"}
    assert client.post("/predict/batch", content=content, headers=kind).status_code == 422


def test_uploads_at_once_are_bounded_and_their_places_come_back(
    start: Client, predictor: FakePredictor
) -> None:
    client = start(uploads=1)
    kind = {"content-type": "text/csv"}

    def upload() -> int:
        return client.post("/predict/batch", content=b"text\na\n", headers=kind).status_code

    predictor.going.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(upload)
        time.sleep(0.3)
        assert upload() == 429
        predictor.going.set()
        assert first.result() == 200
    bad = client.post("/predict/batch", content=b"nothing known\n", headers=kind)
    assert bad.status_code == 422
    assert upload() == 200


def test_reports(client: TestClient) -> None:
    client.post("/predict", json={"text": "a"})
    (model,) = client.get("/models").json()
    assert model["loaded"] and model["classes"] == list(CLASSES)
    card = client.get("/model-card")
    assert card.headers["content-type"].startswith("text/markdown")
    assert "Not a medical device" in card.text
    assert client.get("/model-card?format=json").json()["metrics"] == []
    assert client.get("/model-card?format=xml").status_code == 422
    names = {one["name"] for one in client.get("/variables").json()}
    assert {"heart_rate", "spo2"} <= names
    text = client.get("/metrics").text
    assert 'fusehr_requests_total{route="/predict",status="200"} 1.0' in text
    assert "fusehr_batch_cases_count 1.0" in text
    assert client.get("/healthz").json()["status"] == "ok"


def test_the_document_has_every_path_and_its_examples_are_cases(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    paths = {"/predict", "/predict/batch", "/models", "/model-card", "/healthz", "/metrics"}
    assert paths <= set(document["paths"])
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        assert client.post("/predict", json=example["value"]).status_code == 200
    many = document["paths"]["/predict/batch"]["post"]["requestBody"]["content"]
    for kind, told in many.items():
        response = client.post(
            "/predict/batch", content=told["example"], headers={"content-type": kind}
        )
        assert response.status_code == 200
        assert 'error":' not in response.text
    assert client.get("/docs").status_code == 200


def test_the_card_has_the_numbers_of_this_run_and_of_no_other(
    start: Client, tmp_path: Path
) -> None:
    (tmp_path / "plots/cards").mkdir(parents=True)
    (tmp_path / "plots/metrics.csv").write_text(
        "task,recipe,variant,class,metric,value,low,high,n,n_patients\n"
        "triage,triage_fusion,full,macro,auroc,0.7,0.6,0.8,100,90\n"
        "triage,triage_fusion,without_notes,macro,auroc,0.6,0.5,0.7,100,90\n"
        "triage,gbm,full,macro,auroc,0.9,0.8,0.95,100,90\n"
    )
    card = tmp_path / "plots/cards/triage_fusion.md"
    card.write_text(f"---\nlicense: mit\n---\n\n# triage_fusion\n\nSplit `{'0' * 64}`.\n")
    client = start()
    told = client.get("/model-card?format=json").json()["metrics"]
    row = {"metric": "auroc", "value": 0.7, "low": 0.6, "high": 0.8, "n": 100, "n_patients": 90}
    assert told == [row]
    assert "# triage_fusion" in client.get("/model-card").text
    assert "license" not in client.get("/model-card").text
    card.write_text(f"# triage_fusion\n\nSplit `{'1' * 64}`.\n")
    assert client.get("/model-card?format=json").json()["metrics"] == []
    assert "another run" in client.get("/model-card").text
