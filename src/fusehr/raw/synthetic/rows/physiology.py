r"""What severity does to the body: the usual value of each sign and test, given q.

q (..., 4) is recorded severity on the scale of the ICU: circulatory, respiratory, renal-metabolic,
thermal. Shock raises the heart rate and lowers pressure; respiratory failure raises the rate of
breathing and the oxygen needed and lowers saturation; renal failure moves creatinine, urea,
potassium, acid-base and phosphate; the thermal axis moves temperature, glucose and sodium both
ways. With each reading's own noise the spreads are near those of the demo (heart rate 19, mean
pressure 15, breaths 5.6, creatinine 0.3-8). Noise is about as large as the signal at the bedside,
so that some hours of readings tell q well and one tells it badly.
"""

from __future__ import annotations

import numpy as np

from fusehr.raw.synthetic.arrays import Floats


def pulse(q: Floats) -> Floats:
    """Beats per minute."""
    return 88 + 10.5 * q[..., 0] + 2 * q[..., 1] + 3 * q[..., 3]


def mean_pressure(q: Floats) -> Floats:
    """mmHg."""
    return 75 - 9 * q[..., 0] - 1.2 * q[..., 2]


def pulse_pressure(q: Floats) -> Floats:
    """Systolic less diastolic, mmHg."""
    return 52 - 3.5 * q[..., 0]


def breaths(q: Floats) -> Floats:
    """Per minute."""
    return 20 + 3.6 * q[..., 1] + 0.8 * q[..., 0] + 0.5 * q[..., 3]


def log_desaturation(q: Floats) -> Floats:
    """Log of what saturation lacks to 100 %."""
    return 1.0 + 0.6 * q[..., 1]


def oxygen(q: Floats) -> Floats:
    """Inspired, per cent, where it is given at all."""
    return 42 + 10 * q[..., 1]


def celsius(q: Floats) -> Floats:
    """Body temperature."""
    return 36.9 + 0.38 * q[..., 3]


def clouding(q: Floats) -> Floats:
    """Of consciousness: at 0 awake; the Glasgow coma scale falls with it."""
    return 0.45 * q[..., 0] + 0.45 * q[..., 1] + 0.25 * q[..., 3]


def log_glucose(q: Floats) -> Floats:
    """Of mg/dL, without diabetes."""
    return 4.84 + 0.21 * q[..., 3]


def log_creatinine(q: Floats) -> Floats:
    """Of mg/dL, with healthy kidneys."""
    return -0.05 + 0.42 * q[..., 2]


def log_urea(q: Floats) -> Floats:
    """Of mg/dL, with healthy kidneys."""
    return 2.95 + 0.42 * q[..., 2]


def potassium(q: Floats) -> Floats:
    """mEq/L."""
    return 4.15 + 0.32 * q[..., 2]


def bicarbonate(q: Floats) -> Floats:
    """mEq/L."""
    return 24.5 - 2.3 * q[..., 2] - 0.7 * q[..., 0]


def anion_gap(q: Floats) -> Floats:
    """mEq/L, potassium counted as a cation."""
    return 14.5 + 1.8 * q[..., 2] + 0.7 * q[..., 0]


def phosphate(q: Floats) -> Floats:
    """mg/dL."""
    return 3.5 + 0.65 * q[..., 2]


def sodium(q: Floats) -> Floats:
    """mEq/L."""
    return 138.5 - 2.7 * q[..., 3]


def log_white_cells(q: Floats) -> Floats:
    """Of K/uL."""
    return 2.33 + 0.26 * q[..., 3] + 0.1 * q[..., 0]


def acidity(q: Floats) -> Floats:
    """Arterial pH."""
    return 7.385 - 0.037 * q[..., 2] - 0.02 * q[..., 1]


def log_lactate(q: Floats) -> Floats:
    """Of mmol/L."""
    return 0.5 + 0.42 * q[..., 0] + 0.12 * q[..., 2]


def carbon_dioxide(q: Floats) -> Floats:
    """Arterial pCO2, mm Hg."""
    return 41 + 4 * q[..., 1] - 1.5 * q[..., 2]


def log_oxygen(q: Floats) -> Floats:
    """Of arterial pO2, mm Hg."""
    return 4.65 - 0.24 * q[..., 1]


def desaturated(log_lack: Floats) -> Floats:
    """Saturation in whole per cent, from the log of what it lacks."""
    return np.clip(100 - np.floor(np.exp(log_lack)), 50, 100)
