"""Notes in the columns of MIMIC-IV-Note, and what their sentences assert.

MIMIC-IV-Note has discharge summaries and radiology reports only; nursing notes (NU, those of triage
TN) and progress notes (PN) are this source's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fusehr.raw.synthetic.arrays import MISSING, Ints
from fusehr.raw.synthetic.columns import build
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.notes.compose import draw
from fusehr.raw.synthetic.notes.schedule import NOTE_TYPES, NoteKind, Schedule
from fusehr.raw.synthetic.rows.keys import hadm_id

KINDS_OF = {
    "note/discharge": (NoteKind.DISCHARGE,),
    "note/radiology": (NoteKind.RADIOLOGY,),
    "note/nursing": (NoteKind.TRIAGE, NoteKind.ADMISSION, NoteKind.UNIT),
    "note/progress": (NoteKind.PROGRESS,),
}

GOLD = pa.schema(
    [
        ("note_id", pa.string()),
        ("position", pa.int64()),
        ("sentence", pa.string()),
        ("concept", pa.string()),
        ("kind", pa.string()),
        ("assertion", pa.string()),
    ]
)


def tables(world: World) -> Iterator[tuple[str, pa.Table]]:
    """The four tables of one block, sorted by patient and time."""
    written = draw(world)
    when = written.schedule
    patient = _patient(world, when)
    subject = world.patients.subject_id[patient]
    seq = _sequence(when, patient)
    kinds = [NOTE_TYPES[NoteKind(kind)] for kind in when.kind.tolist()]
    ids = _note_ids(subject, kinds, seq)
    admission = hadm_id(world, np.maximum(when.visit, 0), when.charttime)
    outside = (when.visit == MISSING) | (when.kind == NoteKind.TRIAGE)
    admission = np.where(outside, MISSING, admission)
    order = np.lexsort((seq, when.kind, when.charttime, patient))
    for key, of_key in KINDS_OF.items():
        rows = order[np.isin(when.kind[order], of_key)]
        yield (
            key,
            build(
                key,
                {
                    "note_id": [ids[row] for row in rows],
                    "subject_id": subject[rows],
                    "hadm_id": admission[rows],
                    "note_type": [kinds[row] for row in rows],
                    "note_seq": pa.array(seq[rows]),
                    "charttime": when.charttime[rows],
                    "storetime": when.storetime[rows],
                    "text": [written.notes[row].text for row in rows],
                },
            ),
        )


def gold(world: World) -> pa.Table:
    """What the notes of one block assert: a row for each mention, in the order of the notes.

    note_id; position: of the sentence in its note; sentence: its text; concept: canonical name;
    kind: frailty, decoy, disease, background; assertion. No file of the source holds this: it is
    for tests of what reads the notes.
    """
    written = draw(world)
    when = written.schedule
    patient = _patient(world, when)
    kinds = [NOTE_TYPES[NoteKind(kind)] for kind in when.kind.tolist()]
    ids = _note_ids(world.patients.subject_id[patient], kinds, _sequence(when, patient))
    found = [
        (ids[note.row], position, sentence.text, *mention)
        for note in written.notes
        for position, sentence in enumerate(note.sentences)
        for mention in sentence.mentions
    ]
    columns = zip(*found, strict=True)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, GOLD, strict=True)],
        schema=GOLD,
    )


def _patient(world: World, when: Schedule) -> Ints:
    """Row in Patients of each note."""
    of_visit = world.visits.patient[when.visit]
    return np.where(when.visit != MISSING, of_visit, world.emergencies.patient[when.emergency])


def _note_ids(subject: Ints, kinds: list[str], seq: Ints) -> list[str]:
    return [
        f"{number}-{kind}-{nth}"
        for number, kind, nth in zip(subject.tolist(), kinds, seq.tolist(), strict=True)
    ]


def _sequence(when: Schedule, patient: Ints) -> Ints:
    """Number of each note among the patient's of its type, in the order of time, from 1."""
    types = list(NOTE_TYPES.values())
    kind = np.array([types.index(NOTE_TYPES[NoteKind(k)]) for k in when.kind.tolist()])
    order = np.lexsort((when.storetime, when.charttime, kind, patient))
    group = patient[order] * len(types) + kind[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    nth = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    seq = np.empty(len(order), dtype=np.int64)
    seq[order] = nth + 1
    return seq
