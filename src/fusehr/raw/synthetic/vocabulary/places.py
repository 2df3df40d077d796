"""Kinds of admission, units and people, with shares near those of MIMIC-IV."""

from __future__ import annotations

import numpy as np

# Kinds of admission. The first four are the unplanned ones that count as readmissions.
ADMISSION_TYPES = (
    "EW EMER.",
    "OBSERVATION ADMIT",
    "URGENT",
    "DIRECT EMER.",
    "SURGICAL SAME DAY ADMISSION",
    "ELECTIVE",
    "EU OBSERVATION",
    "DIRECT OBSERVATION",
    "AMBULATORY OBSERVATION",
)
UNPLANNED = 4  # the first so many
PLANNED = (4, 5)
DIRECT_EMERGENCY = 3
TYPE_SHARES = np.array([0.40, 0.16, 0.14, 0.06, 0.07, 0.05, 0.09, 0.02, 0.01])
ICU_TYPE_SHARES = np.array([0.50, 0.14, 0.19, 0.05, 0.08, 0.04, 0.0, 0.0, 0.0])
UNPLANNED_SHARES = np.array([0.62, 0.20, 0.12, 0.06])
THROUGH_ED = np.array([0.96, 0.92, 0.35, 0.30, 0.0, 0.0, 1.0, 0.15, 0.0])
ADMITTED_FROM = (
    "EMERGENCY ROOM",
    "EMERGENCY ROOM",
    "TRANSFER FROM HOSPITAL",
    "PHYSICIAN REFERRAL",
    "PHYSICIAN REFERRAL",
    "PHYSICIAN REFERRAL",
    "EMERGENCY ROOM",
    "PHYSICIAN REFERRAL",
    "PROCEDURE SITE",
)
WALK_IN = "WALK-IN/SELF REFERRAL"

DISCHARGED_TO = (
    "HOME",
    "HOME HEALTH CARE",
    "SKILLED NURSING FACILITY",
    "REHAB",
    "CHRONIC/LONG TERM ACUTE CARE",
    "AGAINST ADVICE",
    "PSYCH FACILITY",
    "HOSPICE",
    "ACUTE HOSPITAL",
    "DIED",
)
REHAB, HOSPICE, ACUTE_HOSPITAL, DIED = 3, 7, 8, 9
HOME_SHARES = np.array([0.42, 0.30, 0.17, 0.06, 0.03, 0.01, 0.01])

ICU_UNITS = (
    "Medical Intensive Care Unit (MICU)",
    "Medical/Surgical Intensive Care Unit (MICU/SICU)",
    "Cardiac Vascular Intensive Care Unit (CVICU)",
    "Surgical Intensive Care Unit (SICU)",
    "Trauma SICU (TSICU)",
    "Coronary Care Unit (CCU)",
    "Neuro Surgical Intensive Care Unit (Neuro SICU)",
)
UNIT_SHARES = np.array([0.21, 0.17, 0.17, 0.15, 0.13, 0.13, 0.04])
# What the axis that is furthest from normal adds to a unit's share: rows are the axes.
UNIT_PULL = np.array(
    [
        [1.0, 0.9, 1.6, 0.8, 0.9, 2.0, 0.6],
        [1.7, 1.4, 0.8, 0.9, 0.9, 0.7, 0.6],
        [1.3, 1.3, 0.7, 1.3, 1.0, 0.7, 0.6],
        [1.0, 1.0, 0.6, 1.1, 1.3, 0.6, 3.0],
    ]
)
WARDS = (
    "Medicine",
    "Med/Surg",
    "Medicine/Cardiology",
    "Neurology",
    "Cardiac Surgery",
    "Transplant",
    "Hematology/Oncology",
    "Vascular",
)
WARD_SHARES = np.array([0.34, 0.2, 0.14, 0.08, 0.08, 0.06, 0.06, 0.04])

RACES = (
    "WHITE",
    "BLACK/AFRICAN AMERICAN",
    "UNKNOWN",
    "OTHER",
    "HISPANIC OR LATINO",
    "HISPANIC/LATINO - PUERTO RICAN",
    "ASIAN - CHINESE",
    "WHITE - OTHER EUROPEAN",
    "ASIAN",
    "PORTUGUESE",
    "BLACK/CAPE VERDEAN",
    "UNABLE TO OBTAIN",
)
RACE_SHARES = np.array([0.64, 0.13, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01])
INSURANCES = ("Medicare", "Other", "Medicaid")
MARITAL = ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED")
MARITAL_SHARES = np.array([0.45, 0.33, 0.14, 0.08])
ARRIVALS = ("AMBULANCE", "WALK IN", "UNKNOWN", "HELICOPTER")
ARRIVAL_SHARES = np.array([0.42, 0.52, 0.055, 0.005])

# anchor_year_group: first real year of each group of three, and the share of patients
YEAR_GROUPS = (2008, 2011, 2014, 2017)
YEAR_GROUP_SHARES = np.array([0.36, 0.25, 0.22, 0.17])
ICD10_FROM = 2015.75  # the United States billed ICD-10 from October 2015 on
