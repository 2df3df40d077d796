"""Bodies of requests as the OpenAPI document shows them."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from fusehr.serve.cases.case import Case


def _grey_png() -> str:
    """A small grey picture: small enough to read, whole enough to be sent."""
    content = io.BytesIO()
    Image.new("L", (8, 8), 96).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


TRIAGE = {
    "age": 71,
    "sex": "F",
    "vitals": {"heart_rate": 112, "spo2": 91, "respiratory_rate": 26, "sbp": 98},
    "complaint": "Shortness of breath",
    "text": "Short of breath since last night. Denies chest pain. Known heart failure.",
    "image": _grey_png(),
}
STAY = {
    "age": 64,
    "sex": "M",
    "events": [
        {"code": "heart_rate", "value": 96, "hours": 30},
        {"code": "heart_rate", "value": 118, "hours": 1.5},
        {"code": "lactate", "value": 3.4, "hours": 4},
        {"code": "vasopressor/start", "hours": 12},
    ],
    "notes": [{"kind": "nursing", "text": "Restless, pale. No fever.", "hours": 6}],
    "drugs": [{"name": "metoprolol tartrate", "hours": 20}],
    "visits": [{"diagnoses": ["ICD10CM/I509", "ICD10CM/N179"]}],
    "hours_in_hospital": 48,
}
WORDS = {"text": "The patient-acquired disease is congestive heart failure, pneumonia."}

_LINES = '{"id": "a", "text": "Short of breath."}\n{"id": "b", "vitals": {"spo2": 88}}\n'
_TABLE = "patient_id,text,spo2\n1,Short of breath.,91\n2,Sprained ankle.,99\n"


def _schema() -> dict[str, Any]:
    schema = Case.model_json_schema()
    definitions = schema.pop("$defs")
    return _inlined(schema, definitions)


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """Without references, which would point into another document."""
    if isinstance(node, dict):
        if "$ref" in node:
            return _inlined(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
        return {key: _inlined(value, definitions) for key, value in node.items()}
    if isinstance(node, list):
        return [_inlined(value, definitions) for value in node]
    return node


PREDICT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _schema(),
            "examples": {
                "triage": {"summary": "A triage case", "value": TRIAGE},
                "stay": {"summary": "A stay, in the long form", "value": STAY},
                "words": {"summary": "A visit in words, for the student", "value": WORDS},
            },
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "case": {"type": "string", "description": "the case in JSON"},
                    "image": {"type": "string", "format": "binary", "description": "PNG or JPEG"},
                },
            }
        },
    },
}
PREDICT_MANY_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/x-ndjson": {"schema": {"type": "string"}, "example": _LINES},
        "text/csv": {"schema": {"type": "string"}, "example": _TABLE},
    },
}
