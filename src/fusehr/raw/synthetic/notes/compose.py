"""The notes of a block: their sentences, in sections, and the text that these make.

Everything that varies is read off one row of uniform draws a note, so that a note costs no call of
a generator. The flag is not used here: assertions come from `episodes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusehr.raw.synthetic.arrays import DAY, MISSING
from fusehr.raw.synthetic.identifiers import clip_numbers
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.notes import radiology
from fusehr.raw.synthetic.notes import sentences as say
from fusehr.raw.synthetic.notes.episodes import (
    Episodes,
    background_conditions,
    draw_episodes,
    episode_of,
    surfaces,
)
from fusehr.raw.synthetic.notes.fillers import fillers
from fusehr.raw.synthetic.notes.layout import FILLERS, LAYOUT, Note, Parts, laid_out
from fusehr.raw.synthetic.notes.picker import Picker
from fusehr.raw.synthetic.notes.schedule import NoteKind, Schedule, schedule
from fusehr.raw.synthetic.notes.sentences import ASSERTIONS, Mention, Sentence
from fusehr.raw.synthetic.notes.signs import NAMES, Signs, signs
from fusehr.raw.synthetic.rows.people import calendar_year

MARKS = 192  # uniform draws of a note; the longest takes about 120
PAIRED = 0.3  # of notes: two of the four concepts stand in one sentence, 15 % of mentions
SAME_KIND = 0.5  # of those pairs; a cue next to the other's concept then tells nothing of the flag
COPIED = (0.52, 0.68)  # share of the previous note's sentences that a progress note repeats
OLD_SIGNS = 0.3  # of progress notes: the previous one's vital signs stand in them too
AS_SENTENCE = 0.3  # of one's own diseases: a sentence instead of a word in the list
MOST_BACKGROUND = 3
OLDEST = 89  # years; ages above are blanked, as in MIMIC
FALL = "fall"  # a complaint that would be taken for one of the concepts is not repeated


@dataclass(frozen=True)
class Written:
    """The notes of a block with when they were written."""

    schedule: Schedule
    notes: list[Note]


def draw(world: World) -> Written:
    """Every note of a block."""
    when = schedule(world)
    author = _Author(world, when, draw_episodes(world), signs(world, when))
    marks = world.stream("notes words").random((len(when), MARKS))
    notes: list[Note] = []
    clips = clip_numbers(world.block, np.arange(len(when))).tolist()
    previous: dict[int, Parts] = {}  # of each stay; progress notes follow their unit's in order
    for row, kind in enumerate(when.kind.tolist()):
        pick = Picker(marks[row].tolist())
        if kind == NoteKind.RADIOLOGY:
            film = radiology.report(pick, author.sex(row), clips[row])
            notes.append(Note(row, film.text, film.sentences))
            continue
        stay = int(when.stay[row])
        parts = author.write(row, NoteKind(kind), pick, previous.get(stay))
        if kind in (NoteKind.UNIT, NoteKind.PROGRESS):
            previous[stay] = parts
        notes.append(laid_out(row, NoteKind(kind), parts))
    return Written(when, notes)


class _Author:
    """Writes the notes of a block, given everything that was drawn for it."""

    def __init__(self, world: World, when: Schedule, episodes: Episodes, seen: Signs) -> None:
        self._seen = seen
        self._fillers = fillers(world.model.params.seed)
        self._conditions = background_conditions()
        episode = episode_of(world, when)
        patients = world.patients
        patient = episodes.patient[episode]
        years = calendar_year(when.charttime) - calendar_year(patients.first_start[patient])
        self._age = (patients.age[patient] + years).tolist()
        self._female = patients.female[patient].tolist()
        self._assertion = episodes.assertion[episode].tolist()
        self._own = episodes.own[episode].tolist()
        self._others = episodes.others[episode].tolist()
        self._other_assertion = episodes.other_assertion[episode].tolist()
        self._background = [np.flatnonzero(row).tolist() for row in episodes.background[episode]]
        self._emergency = when.emergency.tolist()
        admitted = world.visits.admit[when.visit]
        self._day = (when.charttime // DAY - admitted // DAY).tolist()
        self._vitals = np.stack([getattr(seen, name) for name in NAMES], axis=1).tolist()
        self._clock = [f"{t // 3600 % 24:02d}:{t // 60 % 60:02d}" for t in when.charttime.tolist()]

    def sex(self, row: int) -> str:
        """M or F."""
        return "F" if self._female[row] else "M"

    def write(self, row: int, kind: NoteKind, pick: Picker, before: Parts | None) -> Parts:
        """The note in `row`; `before` is the one it follows, if it is one of a chain."""
        head = [self._opening(row, kind, pick)]
        if kind in (NoteKind.TRIAGE, NoteKind.ADMISSION):
            head.append(self._complaint(row))
        vital = self._signs(row, pick)
        if before is None:
            history = self._history(row, pick)
            narrative = self._narrative(row, kind, pick, [])
        else:
            if before.vital and pick.happens(OLD_SIGNS):
                head.append(Sentence(f"Earlier ({before.clock}): {before.vital}"))
            history = before.history
            said = len(before.head) + bool(before.vital) + len(history) + len(before.narrative)
            low, high = COPIED
            wanted = round(said * (low + (high - low) * pick.mark())) - len(history)
            kept = pick.shuffled(before.narrative)[: max(wanted, 0)]
            narrative = self._narrative(row, kind, pick, kept)
        return Parts(head, vital, self._clock[row], history, narrative)

    def _opening(self, row: int, kind: NoteKind, pick: Picker) -> Sentence:
        female = self._female[row]
        template = pick(say.openings()[LAYOUT[kind][1]])
        return Sentence(
            template.format(
                age=self._age[row] if self._age[row] <= OLDEST else "___",
                sex=pick(("female", "woman") if female else ("male", "man")),
                s=self.sex(row),
                unit="ICU" if kind == NoteKind.UNIT else "floor",
                day=self._day[row] + 1,
                days=self._day[row],
            )
        )

    def _complaint(self, row: int) -> Sentence:
        emergency = self._emergency[row]
        if emergency == MISSING:
            return Sentence("CC: per H&P.")
        text = self._seen.complaints[emergency]
        return Sentence("CC: per triage." if FALL in text.lower() else f"CC: {text}.")

    def _signs(self, row: int, pick: Picker) -> str:
        """A line with what was measured, empty where nothing was."""
        opening, separator, parts = pick(say.vital_styles())
        rate, systolic, diastolic, breaths, saturation, temperature = self._vitals[row]
        texts = {
            "heart_rate": f"{rate:.0f}",
            "pressure": f"{systolic:.0f}/{diastolic:.0f}",
            "respiratory_rate": f"{breaths:.0f}",
            "saturation": f"{saturation:.0f}",
            "temperature": f"{temperature:.1f}",
        }
        found = [part.format(**texts) for part in parts]
        known = [text for text in found if "nan" not in text]
        return f"{opening} {separator.join(known)}." if known else ""

    def _history(self, row: int, pick: Picker) -> list[Sentence]:
        """One's own diseases, and some of the other chronic conditions."""
        lines = []
        templates = say.disease_templates()["present"]
        for disease in self._own[row]:
            names = surfaces()[disease]
            template = pick(templates) if pick.happens(AS_SENTENCE) else "{d}"
            told = say.of_disease(names[0], pick(names), "present", template)
            lines.append(Sentence(f"- {told.text}", told.mentions))
        for position in self._background[row][:MOST_BACKGROUND]:
            condition = self._conditions[position]
            phrase = pick(say.background()[condition])
            lines.append(Sentence(f"- {phrase}", (Mention(condition, "background", "present"),)))
        return pick.shuffled(lines)

    def _narrative(
        self, row: int, kind: NoteKind, pick: Picker, kept: list[Sentence]
    ) -> list[Sentence]:
        """What is `kept`, whatever concept it lacks, the other diseases, and fillers."""
        spoken_of = {mention.concept for sentence in kept for mention in sentence.mentions}
        lines = kept + self._concepts(row, pick, spoken_of)
        for disease, how in zip(self._others[row], self._other_assertion[row], strict=True):
            names = surfaces()[disease]
            if names[0] not in spoken_of:
                said = ASSERTIONS[how]
                template = pick(say.disease_templates()[said])
                lines.append(say.of_disease(names[0], pick(names), said, template))
        return pick.shuffled(lines + self._without_meaning(kind, pick, kept))

    def _without_meaning(
        self, kind: NoteKind, pick: Picker, kept: list[Sentence]
    ) -> list[Sentence]:
        """Fillers, on other topics than those kept, as many as the kind of note lacks."""
        topics = {sentence.topic for sentence in kept}
        found = []
        lacking = sum(FILLERS[kind].values()) - len(topics - {""})
        for section, count in FILLERS[kind].items():
            free = [topic for topic in self._fillers[section] if topic not in topics]
            chosen = pick.shuffled(free)[: min(count, lacking - len(found))]
            found += [pick(self._fillers[section][topic]) for topic in chosen]
        return found

    def _concepts(self, row: int, pick: Picker, spoken_of: set[str]) -> list[Sentence]:
        """A sentence on each concept not yet spoken of; sometimes one on two of them."""
        told = self._assertion[row]
        every = range(len(told))
        new = {
            concept: say.sentence(
                concept, told[concept], pick(range(say.CUES)), pick(range(say.OBJECTS))
            )
            for concept in every
            if say.concepts()[concept].name not in spoken_of
        }
        first = pick(every)
        same = pick.happens(SAME_KIND)
        kinds = [concept.kind for concept in say.concepts()]
        partners = [c for c in every if c != first and (kinds[c] == kinds[first]) == same]
        second, joint = pick(partners), pick(say.JOINTS)
        if pick.happens(PAIRED) and first in new and second in new:
            return [
                say.joined(new.pop(first), new.pop(second), joint),
                *new.values(),
            ]
        return list(new.values())
