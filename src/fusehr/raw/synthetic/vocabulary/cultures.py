"""Cultures: specimens, tests, organisms and antibiotics with MIMIC's ids."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culture:
    """A specimen and its usual test. chance: that something grows in it."""

    spec_itemid: int
    spec_type_desc: str
    test_itemid: int
    test_name: str
    chance: float
    nothing: str


BLOOD, URINE, SPUTUM, SCREEN = range(4)
CULTURES = (
    Culture(70012, "BLOOD CULTURE", 90201, "Blood Culture, Routine", 0.08, "NO GROWTH."),
    Culture(70079, "URINE", 90039, "URINE CULTURE", 0.25, "NO GROWTH."),
    Culture(70062, "SPUTUM", 90055, "RESPIRATORY CULTURE", 0.4, "NO GROWTH."),
    Culture(70091, "MRSA SCREEN", 90189, "MRSA SCREEN", 0.08, "No MRSA isolated."),
)
ORGANISMS: tuple[tuple[int, str], ...] = (
    (80002, "ESCHERICHIA COLI"),
    (80023, "STAPH AUREUS COAG +"),
    (80004, "KLEBSIELLA PNEUMONIAE"),
    (80026, "PSEUDOMONAS AERUGINOSA"),
    (80053, "ENTEROCOCCUS SP."),
    (80075, "YEAST"),
)
AUREUS, YEAST = 1, 5
# (ab_itemid, ab_name) and the chance that the organism resists it
ANTIBIOTICS: tuple[tuple[int, str, float], ...] = (
    (90004, "AMPICILLIN", 0.5),
    (90019, "CIPROFLOXACIN", 0.25),
    (90012, "GENTAMICIN", 0.1),
    (90029, "MEROPENEM", 0.05),
    (90028, "CEFEPIME", 0.12),
)
