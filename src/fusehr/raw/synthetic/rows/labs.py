"""labevents: results of the draws, by the state of the patient when blood was drawn.

What severity does to each test is in physiology.py; here chronic disease shifts what is usual for a
patient, and each result has noise of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import MINUTE, MISSING, Floats, Ints
from fusehr.raw.synthetic.columns import build, words
from fusehr.raw.synthetic.latent.severity import CIRCULATORY, RENAL
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import draws
from fusehr.raw.synthetic.rows import physiology as body
from fusehr.raw.synthetic.rows.draws import Draws
from fusehr.raw.synthetic.rows.keys import body_offsets, hadm_id
from fusehr.raw.synthetic.vocabulary.conditions import NAMES
from fusehr.raw.synthetic.vocabulary.laboratory import PANELS, TESTS

OWN = {"hemoglobin": 1.2, "platelets": 0.25, "creatinine": 0.08}
# hadm_id is empty for 26 % of laboratory rows of the demo: results of outpatients, most of those
# drawn before the admission was entered, and some of the others.
NO_HADM_BEFORE, NO_HADM_LATER = 0.7, 0.15
NO_STORETIME = 0.009  # of rows of the demo
NO_VALUE = 0.004  # haemolysed or lost
PER_PATIENT = 40_000  # ids kept for one patient's rows


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The one table of one block, sorted by patient, time and item."""
    rng = world.stream("labs")
    taken = draws.draw(world)
    values = _results(rng, world, taken)
    asked = np.stack([taken.panels[:, PANELS.index(test.panel)] for test in TESTS], axis=1)
    asked &= rng.random(asked.shape) < [test.share for test in TESTS]
    draw, test = (part.astype(np.int64) for part in np.nonzero(asked))
    order = np.lexsort((np.array([t.itemid for t in TESTS])[test], draw))
    draw, test = draw[order], test[order]
    yield "hosp/labevents", _rows(rng, world, taken, draw, test, values[draw, test])


def _rows(
    rng: np.random.Generator, world: World, taken: Draws, draw: Ints, test: Ints, value: Floats
) -> pa.Table:
    """One row a result."""
    n = len(draw)
    visit, time, patient = taken.visit[draw], taken.time[draw], taken.patient[draw]
    number = world.patients.number[patient]
    panel = np.array([PANELS.index(t.panel) for t in TESTS])[test]
    gas = panel == PANELS.index("gas")
    # one lag for a specimen: a draw's tubes of one panel are measured together
    lag_of = rng.lognormal(0.0, 0.5, (len(taken.time), len(PANELS)))[draw, panel]
    minutes = np.where(gas, 3.5, np.where(taken.urgent[draw], 62.0, 85.0)) * lag_of
    stored = time + MINUTE * np.ceil(minutes).astype(np.int64)
    stored[rng.random(n) < NO_STORETIME] = MISSING

    hadm = np.where(visit == MISSING, MISSING, hadm_id(world, visit, time))
    before = time < world.visits.admit[visit]
    unknown = np.where(before, NO_HADM_BEFORE, NO_HADM_LATER)
    nameless = rng.random((len(taken.time), len(PANELS)))[draw, panel] < unknown
    low, high = (np.array([getattr(t, side) for t in TESTS])[test] for side in ("low", "high"))
    lost = rng.random(n) < NO_VALUE
    value = np.where(lost, np.nan, value)
    nth = np.arange(n) - np.searchsorted(patient, patient, side="left")
    nth_draw = draw - np.searchsorted(taken.patient, patient, side="left")
    units = [t.unit for t in TESTS]
    number_text = pa.array(value, from_pandas=True).cast(pa.string())
    return build(
        "hosp/labevents",
        {
            "labevent_id": number * PER_PATIENT + nth + 1,
            "subject_id": world.patients.subject_id[patient],
            "hadm_id": np.where(nameless, MISSING, hadm),
            "specimen_id": number * PER_PATIENT + nth_draw * len(PANELS) + panel + 1,
            "itemid": np.array([t.itemid for t in TESTS])[test],
            "charttime": time,
            "storetime": stored,
            "value": number_text.fill_null("___"),
            "valuenum": value,
            "valueuom": words(units, np.where(np.array(units)[test] == "", MISSING, test)),
            "ref_range_lower": low,
            "ref_range_upper": high,
            "flag": words(("abnormal",), np.where((value < low) | (value > high), 0, MISSING)),
            "priority": words(("ROUTINE", "STAT"), taken.urgent[draw].astype(np.int64)),
            "comments": words(("SPECIMEN HEMOLYZED.",), np.where(lost, 0, MISSING)),
        },
    )


def _results(rng: np.random.Generator, world: World, taken: Draws) -> Floats:
    """(draws, tests) what each test would show."""
    n = len(taken.time)
    q = taken.state
    circulatory, renal = q[:, CIRCULATORY], q[:, RENAL]
    own = {name: o[taken.patient] for name, o in body_offsets(world, "blood", OWN).items()}
    noise = {test.name: rng.standard_normal(n) for test in TESTS}
    # as known at the visit; outpatients and the first visit share the phenotypes of that visit
    first_visit = np.searchsorted(world.visits.patient, taken.patient, side="left")
    visit = np.where(taken.visit == MISSING, first_visit, taken.visit)
    has = dict(zip(NAMES, world.present[visit].T.astype(float), strict=True))
    kidney, liver = has["chronic_kidney_disease"], has["other_liver_disease"]
    diabetes = np.maximum(has["diabetes_with_complications"], has["diabetes_without_complication"])

    def exp(log: Floats, name: str, scale: float) -> Floats:
        return np.exp(log + scale * noise[name])

    sodium = body.sodium(q) + 1.6 * noise["sodium"]
    potassium = body.potassium(q) + 0.27 * noise["potassium"]
    bicarbonate = body.bicarbonate(q) + 1.4 * noise["bicarbonate"]
    gap = body.anion_gap(q) + 1.5 * noise["anion_gap"]
    bicarbonate, gap = np.clip(bicarbonate, 5, 48), np.clip(gap, 3, 45)
    creatinine = body.log_creatinine(q) + 0.7 * kidney + own["creatinine"]
    results = {
        "sodium": np.clip(sodium, 110, 170),
        "potassium": np.clip(potassium, 2, 8),
        # the gap reported counts potassium as a cation
        "chloride": np.clip(sodium + potassium - bicarbonate - gap, 70, 140),
        "bicarbonate": bicarbonate,
        "anion_gap": gap,
        "bun": exp(body.log_urea(q) + 0.4 * kidney, "bun", 0.13),
        "creatinine": exp(creatinine, "creatinine", 0.09),
        "glucose": exp(body.log_glucose(q) + 0.26 * diabetes, "glucose", 0.15),
        "calcium": 8.5 - 0.2 * renal + 0.35 * noise["calcium"],
        "magnesium": 2.05 + 0.1 * renal + 0.2 * noise["magnesium"],
        "phosphate": np.maximum(body.phosphate(q) + 0.5 * noise["phosphate"], 0.8),
        "wbc": exp(body.log_white_cells(q), "wbc", 0.22),
        "hemoglobin": np.clip(
            10.6 - 0.3 * renal - 0.5 * kidney + own["hemoglobin"] + 0.6 * noise["hemoglobin"], 4, 19
        ),
        "platelets": exp(5.3 - 0.15 * renal - 0.35 * liver + own["platelets"], "platelets", 0.15),
        "inr": np.maximum(exp(0.2 + 0.12 * circulatory + 0.3 * liver, "inr", 0.1), 0.8),
        "bilirubin": exp(-0.4 + 0.2 * renal + 1.0 * liver, "bilirubin", 0.45),
        "albumin": np.clip(
            3.4 - 0.2 * renal - 0.15 * circulatory - 0.3 * liver + 0.3 * noise["albumin"], 1, 5.5
        ),
        "ph": np.clip(body.acidity(q) + 0.025 * noise["ph"], 6.85, 7.65),
        "po2": exp(body.log_oxygen(q), "po2", 0.25),
        "pco2": np.clip(body.carbon_dioxide(q) + 4 * noise["pco2"], 15, 120),
        "lactate": exp(body.log_lactate(q), "lactate", 0.2),
        "troponin": np.maximum(
            exp(
                -3.6 + 0.3 * circulatory + 2.0 * has["acute_myocardial_infarction"], "troponin", 0.6
            ),
            0.01,
        ),
    }
    decimals = [test.decimals for test in TESTS]
    return np.stack(
        [np.round(results[t.name], d) for t, d in zip(TESTS, decimals, strict=True)], axis=1
    )
