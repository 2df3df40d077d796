"""A trained model in the handler that FastAPI's documentation shows: one case, one prediction.

    python benchmarks/services/plain.py --model triage_fusion --port 8001

Run in the repository root. As the handler is a plain function, FastAPI calls it in one of forty
threads, and requests are predicted side by side.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from fusehr.serve.cases.case import Case
from fusehr.serve.http.answers import Prediction, prediction
from fusehr.serve.predictors.choose import Choice, load_predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    predictor = load_predictor(Path(), Choice(given.model))
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    @app.post("/predict")
    def predict(case: dict[str, Any]) -> Prediction:
        checked = Case.model_validate_json(json.dumps(case))
        (p,) = predictor.predict([predictor.prepare(checked)])
        return prediction(predictor, checked, p)

    uvicorn.run(app, port=given.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
