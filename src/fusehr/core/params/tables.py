"""Parameters of the block `tables`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fusehr.core.frame.params import frozen

Hours = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


@frozen
class AvailabilityParams:
    """Block `tables.availability`."""

    default_lag_minutes: Annotated[int, Field(ge=0)]


@frozen
class SplitParams:
    """Block `tables.split`."""

    kind: Literal["patient", "temporal", "cv"]
    seed: Annotated[int, Field(ge=0)]
    folds: Annotated[int, Field(ge=3)]
    cv_below_patients: Annotated[int, Field(ge=0)]


@frozen
class MortalityParams:
    """Block `tables.mortality`."""

    index_hours: Hours
    min_age: Annotated[int, Field(ge=0)]


@frozen
class ReadmissionParams:
    """Block `tables.readmission`."""

    horizon_days: Annotated[int, Field(ge=1)]


@frozen
class DeteriorationParams:
    """Block `tables.deterioration`."""

    first_hours: Hours
    step_hours: Hours
    lookahead_hours: Hours
    window_hours: Hours
    free_hours: Hours
    max_train_windows: Annotated[int, Field(ge=1)]


@frozen
class NextDiagnosesParams:
    """Block `tables.next_diagnoses`."""

    billing_lag_days: Annotated[int, Field(ge=0)]


@frozen
class TriageParams:
    """Block `tables.triage`."""

    image_hours: Hours
    index_hours: Hours


@frozen
class Mimic3TablesParams:
    """Block `tables.mimic3`."""

    min_age: Annotated[int, Field(ge=0)]
    age_over_89: Annotated[float, Field(ge=90, le=120)]
    infusion_lapse_hours: Hours
    ventilation_lapse_hours: Hours


@frozen
class TablesParams:
    """Block `tables`."""

    threads: Annotated[int, Field(ge=1)]
    memory_mb: Annotated[int, Field(ge=256)]
    max_dirty_share: Share
    max_duplicate_share: Share
    small_cell: Annotated[int, Field(ge=1)]
    horizons: dict[Annotated[str, StringConstraints(pattern="^[a-z0-9_]+$")], Hours | None]
    visit_gap_hours: Hours
    stay_gap_hours: Annotated[int, Field(ge=0)]
    availability: AvailabilityParams
    split: SplitParams
    mortality: MortalityParams
    readmission: ReadmissionParams
    deterioration: DeteriorationParams
    next_diagnoses: NextDiagnosesParams
    triage: TriageParams
    mimic3: Mimic3TablesParams
