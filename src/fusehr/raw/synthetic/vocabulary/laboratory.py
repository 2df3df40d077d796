"""Laboratory tests: MIMIC's itemids, units and reference ranges, by the panel they are drawn in."""

from __future__ import annotations

from dataclasses import dataclass

PANELS = ("chemistry", "count", "coagulation", "liver", "gas", "troponin")


@dataclass(frozen=True)
class Test:
    """One test. decimals: as reported. low, high: reference range. share: of its panel's draws."""

    name: str
    itemid: int
    label: str
    category: str
    panel: str
    unit: str
    decimals: int
    low: float
    high: float
    share: float = 1.0


TESTS: tuple[Test, ...] = (
    Test("sodium", 50983, "Sodium", "Chemistry", "chemistry", "mEq/L", 0, 133, 145),
    Test("potassium", 50971, "Potassium", "Chemistry", "chemistry", "mEq/L", 1, 3.3, 5.1),
    Test("chloride", 50902, "Chloride", "Chemistry", "chemistry", "mEq/L", 0, 96, 108),
    Test("bicarbonate", 50882, "Bicarbonate", "Chemistry", "chemistry", "mEq/L", 0, 22, 32),
    Test("bun", 51006, "Urea Nitrogen", "Chemistry", "chemistry", "mg/dL", 0, 6, 20),
    Test("creatinine", 50912, "Creatinine", "Chemistry", "chemistry", "mg/dL", 1, 0.5, 1.2),
    Test("glucose", 50931, "Glucose", "Chemistry", "chemistry", "mg/dL", 0, 70, 100, 0.92),
    Test("anion_gap", 50868, "Anion Gap", "Chemistry", "chemistry", "mEq/L", 0, 8, 20, 0.95),
    Test("calcium", 50893, "Calcium, Total", "Chemistry", "chemistry", "mg/dL", 1, 8.4, 10.3, 0.78),
    Test("magnesium", 50960, "Magnesium", "Chemistry", "chemistry", "mg/dL", 1, 1.6, 2.6, 0.8),
    Test("phosphate", 50970, "Phosphate", "Chemistry", "chemistry", "mg/dL", 1, 2.7, 4.5, 0.78),
    Test("wbc", 51301, "White Blood Cells", "Hematology", "count", "K/uL", 1, 4, 10),
    Test("hemoglobin", 51222, "Hemoglobin", "Hematology", "count", "g/dL", 1, 13.7, 17.5),
    Test("platelets", 51265, "Platelet Count", "Hematology", "count", "K/uL", 0, 150, 400),
    Test("inr", 51237, "INR(PT)", "Hematology", "coagulation", "", 1, 0.9, 1.1),
    Test("bilirubin", 50885, "Bilirubin, Total", "Chemistry", "liver", "mg/dL", 1, 0, 1.5),
    Test("albumin", 50862, "Albumin", "Chemistry", "liver", "g/dL", 1, 3.5, 5.2, 0.6),
    Test("ph", 50820, "pH", "Blood Gas", "gas", "units", 2, 7.35, 7.45),
    Test("po2", 50821, "pO2", "Blood Gas", "gas", "mm Hg", 0, 85, 105),
    Test("pco2", 50818, "pCO2", "Blood Gas", "gas", "mm Hg", 0, 35, 45),
    Test("lactate", 50813, "Lactate", "Blood Gas", "gas", "mmol/L", 1, 0.5, 2, 0.8),
    Test("troponin", 51003, "Troponin T", "Chemistry", "troponin", "ng/mL", 2, 0, 0.01),
)
