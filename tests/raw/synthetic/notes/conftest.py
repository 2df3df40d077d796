"""Notes of 750 patients, with the flag that they tell of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from fusehr.raw.synthetic.arrays import MISSING
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.notes.compose import Written, draw
from fusehr.raw.synthetic.notes.layout import Note
from fusehr.raw.synthetic.notes.schedule import NoteKind

from ..conftest import draw_worlds, make_params


@dataclass(frozen=True)
class Block:
    """A block's world and notes; patient, frail: (N,) of each note."""

    world: World
    written: Written
    patient: np.ndarray
    frail: np.ndarray

    def telling(self) -> list[Note]:
        """Notes that tell of the flag: all but radiology reports."""
        kind = self.written.schedule.kind
        return [note for note in self.written.notes if kind[note.row] != NoteKind.RADIOLOGY]


def drawn_block(world: World) -> Block:
    written = draw(world)
    when = written.schedule
    in_ed = when.emergency != MISSING
    seen, visits = world.emergencies, world.visits
    return Block(
        world,
        written,
        patient=np.where(in_ed, seen.patient[when.emergency], visits.patient[when.visit]),
        frail=np.where(
            in_ed, seen.flags["notes"][when.emergency], visits.flags["notes"][when.visit]
        ),
    )


@pytest.fixture(scope="package")
def blocks() -> list[Block]:
    return [drawn_block(world) for world in draw_worlds(make_params(), blocks=3)]
