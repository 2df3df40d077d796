"""True probabilities of every sample that the cohort's rules could make of a block.

`oracle` is the probability that the outcome was drawn with; `attainable` its expectation given the
recorded severity and chronic burden, the best that a model can reach (see severity.py). Indices are
those of the tasks: ICU admission + 48 h; discharge; ICU admission + 24 h, 36 h, ...; the chest
image taken in the ED, else arrival + 1 h. In next_diagnoses the two are one: what the next visit
will bring is hidden from both, and what the patient had so far counts as known, billed or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fusehr.core.frame.tasks import POSITIVE, TRIAGE_CLASSES, Task
from fusehr.raw.synthetic import identifiers as ids
from fusehr.raw.synthetic.arrays import HOUR, MISSING, Bools, Floats, Ints, spread
from fusehr.raw.synthetic.latent.burden import billed_next
from fusehr.raw.synthetic.latent.calibration import CUBATURE, normal_points
from fusehr.raw.synthetic.latent.icu import BLOCK_SECONDS
from fusehr.raw.synthetic.latent.lookahead import Windows, chances
from fusehr.raw.synthetic.latent.parts import flag_terms
from fusehr.raw.synthetic.latent.risks import EARLY_BLOCKS
from fusehr.raw.synthetic.latent.severity import true_severity
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.vocabulary.conditions import NAMES

FIRST_WINDOW = 2  # block; windows start at 24 hours


@dataclass(frozen=True)
class Truth:
    """n samples of a task. Arrays (n, classes) in the order of `classes`.

    patient: row in Patients. index_time: seconds. parts: what each modality's flag adds to the
    logit (n,), by name of the part; of deterioration, to that of a support's begin. happened: what
    was drawn, as the label will say.
    """

    task: Task
    classes: tuple[str, ...]
    patient: Ints
    visit_id: Ints
    stay_id: Ints
    index_time: Ints
    oracle: Floats
    attainable: Floats
    parts: Mapping[str, Floats]
    happened: Bools


def truths(world: World) -> Iterator[Truth]:
    """The samples of each task."""
    yield mortality(world)
    yield readmission(world)
    yield deterioration(world)
    yield next_diagnoses(world)
    yield triage(world)


def mortality(world: World) -> Truth:
    """Stays that reached 48 hours."""
    visits, stays, risks = world.visits, world.stays, world.model.risks
    rows = np.flatnonzero(visits.reached[stays.visit])
    visit = stays.visit[rows]
    q = stays.q[rows, EARLY_BLOCKS]
    flags = _flags(world, "mortality", visit)
    oracle = risks.mortality(true_severity(q, visits.w_mortality[visit]), flags)
    attainable = risks.mortality(_around(q), flags[:, None]).mean(axis=1)
    return _binary(
        world,
        "mortality",
        visit,
        stays.intime[rows] + EARLY_BLOCKS * BLOCK_SECONDS,
        oracle,
        attainable,
        visits.dies[visit],
        stay=True,
    )


def readmission(world: World) -> Truth:
    """Live discharges, neither to hospice nor to another hospital."""
    visits, risks = world.visits, world.model.risks
    visit = np.flatnonzero(visits.at_risk)
    patient = visits.patient[visit]
    q = visits.severity(visit, visits.discharge[visit])
    burden, flags = world.patients.burden[patient], _flags(world, "readmission", visit)
    oracle = risks.of("readmission", true_severity(q, visits.w_readmission[visit]), burden, flags)
    spread_out = np.repeat(burden[:, None], CUBATURE, axis=1)
    attainable = risks.of("readmission", _around(q), spread_out, flags[:, None]).mean(axis=1)
    readmitted = visits.readmitted[visit]
    time = visits.discharge[visit]
    return _binary(world, "readmission", visit, time, oracle, attainable, readmitted)


def deterioration(world: World) -> Truth:
    """Every 12 hours from 24 hours on, alive and in the unit, not with both supports running."""
    visits, stays = world.visits, world.stays
    owner, position = spread(np.maximum(stays.exit_block - FIRST_WINDOW + 1, 0))
    block = position + FIRST_WINDOW
    kept = ~stays.both[owner, block]
    owner, block = owner[kept], block[kept]
    visit = stays.visit[owner]
    patient = visits.patient[visit]
    windows = Windows(
        block=block,
        q=stays.q[owner, block],
        w=stays.w[owner, block],
        mean=world.patients.mean[patient],
        at_risk=stays.at_risk[owner, block],
        q_48h=stays.q[owner, EARLY_BLOCKS],
        w_48h=visits.w_mortality[visit],
        leave_rate=visits.leave_rate[visit],
        hazard_flags=_flags(world, "deterioration", visit),
        death_flags=_flags(world, "mortality", visit),
    )
    oracle, attainable = chances(world.model.risks, windows)
    time = stays.intime[owner] + block * BLOCK_SECONDS
    happened = _deteriorated(world, owner, time)
    return _binary(world, "deterioration", visit, time, oracle, attainable, happened, stay=True)


def _deteriorated(world: World, owner: Ints, time: Ints) -> Bools:
    """Death or a support begun within 24 hours after `time`, of windows of the stays `owner`."""
    visits, stays, runs = world.visits, world.stays, world.runs
    end = time + 24 * HOUR
    death = visits.death[stays.visit[owner]]
    happened = (death > time) & (death <= end)
    begun = np.flatnonzero(~runs.on_arrival)
    counts = np.bincount(runs.stay[begun], minlength=len(stays))
    first = np.cumsum(counts) - counts
    # runs are sorted by stay: pair every window with every begin of its stay
    window, nth = spread(counts[owner])
    start = runs.start[begun[first[owner[window]] + nth]]
    within = (start > time[window]) & (start <= end[window])
    happened[window[within]] = True
    return happened


def next_diagnoses(world: World) -> Truth:
    """Visits that another one followed, with the phenotypes billed there."""
    visits = world.visits
    visit = np.flatnonzero(visits.patient[1:] == visits.patient[:-1])
    patient = visits.patient[visit]
    chance = billed_next(
        world.model.phenotype_intercepts, world.patients.burden[patient], world.had[visit]
    )
    return Truth(
        task="next_diagnoses",
        classes=NAMES,
        patient=patient,
        visit_id=visit_ids(world, visit),
        stay_id=np.full(len(visit), MISSING),
        index_time=visits.discharge[visit],
        oracle=chance,
        attainable=chance,
        parts=dict.fromkeys(world.visits.flags, np.zeros(len(visit))),
        happened=world.billed[visit + 1],
    )


def triage(world: World) -> Truth:
    """Visits to the emergency department, by urgency: acuity 1-2, 3, 4-5."""
    seen, risks = world.emergencies, world.model.risks
    imaged = seen.imaged != MISSING
    parts = flag_terms("triage", seen.flags, world.model.params, shown={"image": imaged})
    flags = np.sum(list(parts.values()), axis=0)
    q = seen.path[:, 0]
    oracle = _urgency(risks.acuity(true_severity(q, seen.w), flags))
    attainable = _urgency(risks.acuity(_around(q), flags[:, None]).mean(axis=1))
    stay_id = ed_stay_ids(world)
    visit_id = np.where(seen.visit == MISSING, stay_id, visit_ids(world, seen.visit))
    levels = [seen.acuity <= 2, seen.acuity == 3, seen.acuity >= 4]
    return Truth(
        task="triage",
        classes=TRIAGE_CLASSES,
        patient=seen.patient,
        visit_id=visit_id,
        stay_id=stay_id,
        index_time=np.where(imaged, seen.imaged, seen.start + HOUR),
        oracle=oracle,
        attainable=attainable,
        parts=parts,
        happened=np.stack(levels, axis=1),
    )


def _urgency(cumulative: Floats) -> Floats:
    """(n, 4) cumulative over acuity to (n, 3): high, medium, low."""
    high, below = cumulative[:, 1], cumulative[:, 2]
    return np.stack([high, below - high, 1 - below], axis=1)


def _around(q: Floats) -> Floats:
    """z (n, CUBATURE, 4) as it may be, given q (n, 4)."""
    return true_severity(q[:, None], normal_points(4, CUBATURE))


def _flags(world: World, task: Task, visit: Ints) -> Floats:
    """What the flags of visits add to the logit of `task` (n,)."""
    return np.sum(list(_parts(world, task, visit).values()), axis=0)


def _parts(world: World, task: Task, visit: Ints) -> dict[str, Floats]:
    """The same by part."""
    flags = {name: flag[visit] for name, flag in world.visits.flags.items()}
    return flag_terms(task, flags, world.model.params)


def _binary(
    world: World,
    task: Task,
    visit: Ints,
    time: Ints,
    oracle: Floats,
    attainable: Floats,
    happened: Bools,
    stay: bool = False,
) -> Truth:
    return Truth(
        task=task,
        classes=(POSITIVE,),
        patient=world.visits.patient[visit],
        visit_id=visit_ids(world, visit),
        stay_id=icu_stay_ids(world, visit) if stay else np.full(len(visit), MISSING),
        index_time=time,
        oracle=oracle[:, None],
        attainable=attainable[:, None],
        parts=_parts(world, task, visit),
        happened=happened[:, None],
    )


def visit_ids(world: World, visit: Ints) -> Ints:
    """hadm_id of visits: of two contiguous admissions the first."""
    visits = world.visits
    return ids.hadm_ids(world.patients.number[visits.patient[visit]], visits.order[visit])


def icu_stay_ids(world: World, visit: Ints, moved: bool = False) -> Ints:
    """stay_id of the ICU stay of visits; `moved`: the later one, where a change of bed made two."""
    visits = world.visits
    number, order = world.patients.number[visits.patient[visit]], visits.order[visit]
    one = ids.place_ids(number, order, ids.IN_ICU)
    other = ids.place_ids(number, order, ids.ICU_MOVED)
    return np.maximum(one, other) if moved else np.minimum(one, other)


def ed_stay_ids(world: World) -> Ints:
    """stay_id of each visit to the emergency department."""
    seen, visits = world.emergencies, world.visits
    number = world.patients.number[seen.patient]
    led = ids.place_ids(number, visits.order[seen.visit], ids.IN_ED)
    return np.where(seen.visit == MISSING, ids.ed_only_ids(number, seen.order), led)
