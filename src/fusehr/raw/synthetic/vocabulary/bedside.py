"""Bedside items: itemids by what they measure, and the words of those charted as text."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

HEART_RATE, RESPIRATORY_RATE, SPO2 = 220045, 220210, 220277
CUFF = (220179, 220180, 220181)  # non-invasive pressure: systolic, diastolic, mean
ARTERIAL = (220050, 220051, 220052)
FAHRENHEIT, CELSIUS = 223761, 223762
EYE, VERBAL, MOTOR = 220739, 223900, 223901
FIO2 = 223835
FINGER_GLUCOSE, SERUM_GLUCOSE = 225664, 220621
KILOGRAMS, POUNDS = 226512, 226531
INCHES, CENTIMETRES = 226707, 226730
REFILL_RIGHT, REFILL_LEFT = 223951, 224308
ARTERIAL_PH = 223830

UNITS: dict[int, str] = {
    HEART_RATE: "bpm",
    RESPIRATORY_RATE: "insp/min",
    SPO2: "%",
    **dict.fromkeys((*CUFF, *ARTERIAL), "mmHg"),
    FAHRENHEIT: "°F",
    CELSIUS: "°C",
    SERUM_GLUCOSE: "mg/dL",
    KILOGRAMS: "kg",
    INCHES: "Inch",
    CENTIMETRES: "cm",
    ARTERIAL_PH: "units",
}

# Words by score, from 1 on. A ventilated patient's verbal response has words of its own.
EYE_WORDS = ("None", "To Pain", "To Speech", "Spontaneously")
VERBAL_WORDS = (
    "No Response",
    "Incomprehensible sounds",
    "Inappropriate Words",
    "Confused",
    "Oriented",
)
VENTILATED_WORDS = "No Response-ETT"
MOTOR_WORDS = (
    "No response",
    "Abnormal extension",
    "Abnormal Flexion",
    "Flex-withdraws",
    "Localizes Pain",
    "Obeys Commands",
)
REFILL_WORDS = ("Normal <3 Seconds", "Abnormal >3 Seconds")

NOREPINEPHRINE, PHENYLEPHRINE, VASOPRESSIN = 221906, 221749, 222315
EPINEPHRINE, DOPAMINE = 221289, 221662
PROPOFOL, FENTANYL, INSULIN, VANCOMYCIN = 222168, 221744, 223258, 225798
SALINE, RINGERS = 225158, 225828

VENTILATION, INTUBATION, EXTUBATION = 225792, 224385, 227194
ARTERIAL_LINE, MULTI_LUMEN, GAUGE_20, GAUGE_18 = 225752, 224263, 224275, 224277
CHEST_XRAY, BLOOD_CULTURED = 225459, 225401


@cache
def items() -> tuple[dict[str, str], ...]:
    """Rows of d_items: those of items.csv, labels as MIMIC-IV has them."""
    text = (resources.files("fusehr.raw.synthetic.vocabulary") / "items.csv").read_text()
    return tuple(csv.DictReader(text.splitlines()))
