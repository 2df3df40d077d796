"""What the demo page is told of a case: probabilities, and why they are what they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

from fusehr.core.pictures import grey_square
from fusehr.serve.demo.png import data_url, grey_png, heat_png
from fusehr.serve.demo.retrieval import Retrieved
from fusehr.serve.demo.stays import Stay
from fusehr.serve.http.answers import Prediction
from fusehr.serve.predictors.contract import Explanation

SIDE = 512  # pixels of a picture that the page shows, where the model's own is not known


class Why(BaseModel):
    """added: what each sentence adds to the class's logit; added_by_image: what the picture adds;
    heat: a PNG to be laid over the picture, None where the model sees no pixels."""

    added: list[float]
    added_by_image: float | None
    heat: str | None


class Withheld(BaseModel):
    """Probabilities of the same case when one source of its inputs is taken as not recorded."""

    source: str
    probabilities: dict[str, float]


class Sample(BaseModel):
    """A test sample. outcome: classes that came true; recorded: p as the pipeline evaluated it."""

    sample_id: str
    outcome: list[str]
    recorded: dict[str, float]


class Told(BaseModel):
    """prediction: as /predict answers it. tokens: sentences, with attention to each, or inputs,
    without; why: of the likeliest classes, None where the model cannot be explained. retrieved_not:
    why there are no facts."""

    prediction: Prediction
    tokens: list[str]
    attention: list[float] | None
    why: dict[str, Why] | None
    withheld: list[Withheld]
    image: str | None
    facts: list[str]
    summary: str | None
    retrieved_not: str | None
    sample: Sample | None
    case: dict[str, object] | None


def why(explained: Explanation) -> dict[str, Why]:
    """Of each class that was explained."""
    found: dict[str, Why] = {}
    for k, name in enumerate(explained.classes):
        by_image = explained.added_by_image
        heat = None if explained.maps is None else data_url(heat_png(explained.maps[k]))
        found[name] = Why(
            added=[float(value) for value in explained.added[k]],
            added_by_image=None if by_image is None else float(by_image[k]),
            heat=heat,
        )
    return found


def told(
    prediction: Prediction,
    explained: Explanation | None,
    withheld: Sequence[Withheld],
    image: bytes | None,
    retrieved: Retrieved | str,
    stay: Stay | None,
) -> Told:
    """image: the newest one's file; retrieved: or why there is nothing."""
    got = isinstance(retrieved, Retrieved)
    return Told(
        prediction=prediction,
        tokens=list(explained.tokens) if explained else [],
        attention=_attention(explained),
        why=why(explained) if explained else None,
        withheld=list(withheld),
        image=None if image is None else data_url(grey_png(_shown(image))),
        facts=list(retrieved.facts) if isinstance(retrieved, Retrieved) else [],
        summary=retrieved.summary if isinstance(retrieved, Retrieved) else None,
        retrieved_not=None if got else str(retrieved),
        sample=_sample(stay) if stay else None,
        case=_as_form(stay) if stay else None,
    )


def _attention(explained: Explanation | None) -> list[float] | None:
    if explained is None or explained.attention is None:
        return None
    return [float(one) for one in explained.attention]


def _shown(image: bytes) -> np.ndarray:
    return grey_square(image, SIDE)


def _sample(stay: Stay) -> Sample:
    return Sample(sample_id=stay.sample_id, outcome=list(stay.outcome), recorded=stay.recorded)


def _as_form(stay: Stay) -> dict[str, object]:
    """What the form of a triage case can show of it: the last values, and the newest texts."""
    case = stay.case
    last = {event.code: event.value for event in case.events if event.value is not None}
    newest = {note.kind: note.text for note in sorted(case.notes, key=lambda note: -note.hours)}
    texts = [text for kind, text in newest.items() if kind != "complaint"]
    return {
        "age": case.age,
        "sex": case.sex,
        "vitals": last,
        "complaint": newest.get("complaint"),
        "text": texts[-1] if texts else case.text,
    }
