"""Chief complaints as triage nurses write them, by the axis of severity furthest from normal."""

from __future__ import annotations

CIRCULATORY = (
    "Chest pain",
    "Hypotension",
    "Syncope",
    "Palpitations",
    "Lightheaded",
    "CHEST PAIN",
    "Chest pain, Dyspnea",
    "BRBPR",
    "Presyncope",
    "Leg swelling",
)
RESPIRATORY = (
    "Dyspnea",
    "SOB",
    "Cough",
    "Shortness of breath",
    "Hypoxia",
    "DYSPNEA ON EXERTION",
    "Cough, Dyspnea",
    "Wheezing",
    "Dyspnea, Weakness",
    "RESPIRATORY DISTRESS",
)
RENAL_METABOLIC = (
    "Abd pain",
    "N/V",
    "Weakness",
    "Abnormal labs",
    "Abdominal distention",
    "ABD PAIN",
    "Abd pain, N/V",
    "Hyperkalemia",
    "Jaundice",
    "Flank pain",
)
NEUROLOGICAL_THERMAL = (
    "Fever",
    "Altered mental status",
    "Confusion",
    "FEVER",
    "Headache",
    "Fever, Cough",
    "Fall, Altered mental status",
    "Found down",
    "Lethargy",
    "Chills",
)
UNREMARKABLE = (
    "Fall",
    "Back pain",
    "Wound eval",
    "Knee pain",
    "s/p Fall",
    "Transfer",
    "Laceration",
    "Ankle pain",
    "Med refill",
    "Rash",
)
BY_AXIS = (CIRCULATORY, RESPIRATORY, RENAL_METABOLIC, NEUROLOGICAL_THERMAL, UNREMARKABLE)

PAINS = (
    "0",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "10",
    "UA",
    "unable",
    "13",
    "ok",
    "Critical",
    "5-6",
)
PAIN_SHARES = (34, 4, 6, 7, 9, 7, 8, 9, 7, 4, 3, 1, 0.5, 0.5, 1)
