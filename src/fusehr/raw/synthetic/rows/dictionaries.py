"""d_items, d_labitems, d_icd_diagnoses, d_icd_procedures: what the generator can write, no more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.columns import build
from fusehr.raw.synthetic.vocabulary import bedside, procedures
from fusehr.raw.synthetic.vocabulary.conditions import diagnoses, lasting_diseases
from fusehr.raw.synthetic.vocabulary.laboratory import TESTS


def tables() -> Iterator[tuple[str, pa.Table]]:
    """The four dictionaries, each sorted by its key."""
    tests = sorted(TESTS, key=lambda test: test.itemid)
    yield (
        "hosp/d_labitems",
        build(
            "hosp/d_labitems",
            {
                "itemid": np.array([test.itemid for test in tests]),
                "label": [test.label for test in tests],
                "fluid": "Blood",
                "category": [test.category for test in tests],
            },
        ),
    )
    items = bedside.items()
    texts = ("label", "abbreviation", "linksto", "category", "unitname", "param_type")
    numbers = ("lownormalvalue", "highnormalvalue")
    yield (
        "icu/d_items",
        build(
            "icu/d_items",
            {
                "itemid": np.array([int(row["itemid"]) for row in items]),
                **{name: [row[name] or None for row in items] for name in texts},
                **{
                    name: np.array([float(row[name] or "nan") for row in items]) for name in numbers
                },
            },
        ),
    )
    for key, codes in (
        ("hosp/d_icd_diagnoses", (*diagnoses(), *lasting_diseases())),
        ("hosp/d_icd_procedures", procedures.codes()),
    ):
        listed = sorted(codes, key=lambda code: (code.icd_version, code.icd_code))
        yield (
            key,
            build(
                key,
                {
                    "icd_code": [code.icd_code for code in listed],
                    "icd_version": np.array([code.icd_version for code in listed]),
                    "long_title": [code.long_title for code in listed],
                },
            ),
        )
