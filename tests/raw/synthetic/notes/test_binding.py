"""Frailty stands in the notes by binding: words do not tell it, assertions do."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fusehr.raw.synthetic.notes.episodes import NOISE, assertions, episode_of
from fusehr.raw.synthetic.notes.grammar import grouped
from fusehr.raw.synthetic.notes.layout import Note
from fusehr.raw.synthetic.notes.schedule import NoteKind
from fusehr.raw.synthetic.notes.sentences import (
    ASSERTIONS,
    CUES,
    OBJECTS,
    Sentence,
    concepts,
    cues,
    sentence,
)

from .conftest import Block, drawn_block

CONCEPTS = tuple(concept.name for concept in concepts())
FRAILTY = tuple(concept.name for concept in concepts() if concept.kind == "frailty")


def told(blocks: list[Block]) -> tuple[list[Note], np.ndarray, np.ndarray]:
    """Notes that tell of the flag, the flag, and the patient's number."""
    notes, frail, patient = [], [], []
    for block in blocks:
        found = block.telling()
        rows = [note.row for note in found]
        notes += found
        frail.append(block.frail[rows])
        patient.append(block.world.patients.number[block.patient[rows]])
    return notes, np.concatenate(frail), np.concatenate(patient)


def separability(texts: list[str], frail: np.ndarray, patient: np.ndarray, upto: int) -> float:
    """AUROC, on other patients, of a linear model of words and runs of `upto` words."""
    train = patient % 3 != 0
    bag = TfidfVectorizer(ngram_range=(1, upto), min_df=3, sublinear_tf=True)
    x = bag.fit_transform([text for text, use in zip(texts, train, strict=True) if use])
    model = LogisticRegression(solver="liblinear").fit(x, frail[train])
    rest = [text for text, use in zip(texts, train, strict=True) if not use]
    return float(roc_auc_score(frail[~train], model.decision_function(bag.transform(rest))))


def asserted(note: Note) -> dict[str, list[str]]:
    """Assertions on each of the four concepts in a note."""
    found = defaultdict(list)
    for spoken in note.sentences:
        for mention in spoken.mentions:
            if mention.concept in CONCEPTS:
                found[mention.concept].append(mention.assertion)
    return dict(found)


def test_words_do_not_tell_of_frailty(blocks: list[Block]) -> None:
    notes, frail, patient = told(blocks)
    assert len(notes) > 3000
    texts = [note.text for note in notes]
    assert separability(texts, frail, patient, upto=1) < 0.6
    assert separability(texts, frail, patient, upto=3) < 0.65


def test_the_easy_construction_is_caught(blocks: list[Block]) -> None:
    """Frailty spoken of only where it is present: what the notes must not do."""

    def easy(note: Note, frail: bool) -> str:
        return " ".join(
            spoken.text
            for spoken in note.sentences
            if frail or not any(mention.kind == "frailty" for mention in spoken.mentions)
        )

    notes, frail, patient = told(blocks)
    texts = [easy(note, bool(flag)) for note, flag in zip(notes, frail, strict=True)]
    assert separability(texts, frail, patient, upto=1) > 0.8


def test_a_cue_beside_its_concept_is_caught(blocks: list[Block]) -> None:
    """Without the modifiers between them, three words are enough: what the notes must not do."""

    def plain(note: Note) -> str:
        return " ".join(
            f"{mention.assertion} {mention.concept}"
            for spoken in note.sentences
            for mention in spoken.mentions
            if mention.concept in CONCEPTS
        )

    notes, frail, patient = told(blocks)
    texts = [plain(note) for note in notes]
    assert separability(texts, frail, patient, upto=1) < 0.6
    assert separability(texts, frail, patient, upto=3) > 0.9


def test_assertions_tell_of_frailty(blocks: list[Block]) -> None:
    notes, frail, _ = told(blocks)
    score = []
    for note in notes:
        said = asserted(note)
        present = {name: np.mean([a == "present" for a in said[name]]) for name in CONCEPTS}
        score.append(sum(p if name in FRAILTY else -p for name, p in present.items()))
    reached = roc_auc_score(frail, score)
    assert reached > 0.97
    clean = np.array(score) == np.where(frail, 2, -2)
    assert clean.mean() < 0.95  # some notes are noisy


def test_every_note_speaks_of_all_four_concepts_and_of_each_once(blocks: list[Block]) -> None:
    for block in blocks:
        for note in block.telling():
            assert {name: len(said) for name, said in asserted(note).items()} == dict.fromkeys(
                CONCEPTS, 1
            ), note.text


def test_radiology_speaks_of_none(blocks: list[Block]) -> None:
    for block in blocks:
        kind = block.written.schedule.kind
        reports = [note for note in block.written.notes if kind[note.row] == NoteKind.RADIOLOGY]
        assert reports
        assert not any(spoken.mentions for note in reports for spoken in note.sentences)


def test_the_notes_of_a_visit_agree(blocks: list[Block]) -> None:
    for block in blocks:
        said: dict[int, dict[str, list[str]]] = {}
        episode = episode_of(block.world, block.written.schedule)
        several = 0
        for note in block.telling():
            first = said.setdefault(int(episode[note.row]), asserted(note))
            several += first is not asserted(note)
            assert asserted(note) == first, note.text
        assert several > len(said)


def test_a_share_of_assertions_is_noise() -> None:
    frail = np.arange(40_000) % 2 == 0
    told_of = np.array([name in FRAILTY for name in CONCEPTS])
    drawn = assertions(np.random.default_rng(0), frail)
    present = drawn == ASSERTIONS.index("present")
    agrees = present == (frail[:, None] == told_of)
    expected = 1 - NOISE * np.where(frail[:, None] == told_of, 0.8, 0.2).mean()
    assert np.isclose(agrees.mean(), expected, atol=0.004)
    assert np.isclose(present[frail].mean(), present[~frail].mean(), atol=0.004)


def test_flipping_the_flag_moves_the_assertions_and_nothing_else(blocks: list[Block]) -> None:
    """Not even the words of a cue's object: so that no other sentence can tell of it."""
    world = blocks[0].world
    visits, seen = world.visits, world.emergencies
    other = drawn_block(
        replace(
            world,
            visits=replace(visits, flags=visits.flags | {"notes": ~visits.flags["notes"]}),
            emergencies=replace(seen, flags=seen.flags | {"notes": ~seen.flags["notes"]}),
        )
    )

    def rest(spoken: tuple[Sentence, ...]) -> list[str]:
        return [s.text for s in spoken if not any(m.concept in CONCEPTS for m in s.mentions)]

    changed = 0
    for one, two in zip(blocks[0].written.notes, other.written.notes, strict=True):
        assert rest(one.sentences) == rest(two.sentences)
        changed += one.text != two.text
    assert changed > 0.9 * len(blocks[0].telling())


def test_flipping_the_opacity_and_the_exposure_changes_no_note(blocks: list[Block]) -> None:
    world = blocks[0].world
    visits, seen = world.visits, world.emergencies

    def flipped(flags: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return flags | {name: ~flags[name] for name in ("image", "graph")}

    other = drawn_block(
        replace(
            world,
            visits=replace(visits, flags=flipped(visits.flags)),
            emergencies=replace(seen, flags=flipped(seen.flags)),
        )
    )
    texts = [note.text for note in other.written.notes]
    assert texts == [note.text for note in blocks[0].written.notes]


def test_cues_and_surface_forms_are_many_and_go_together_equally_often() -> None:
    assert set(cues()) == set(ASSERTIONS)
    assert {len(templates) for templates in cues().values()} == {CUES}
    assert CUES >= 15
    for position, concept in enumerate(concepts()):
        assert len(set(concept.forms)) == 12, concept.name
        for said in range(len(ASSERTIONS)):
            texts = {
                sentence(position, said, cue, thing).text
                for cue in range(CUES)
                for thing in range(OBJECTS)
            }
            assert len(texts) == CUES * OBJECTS, (concept.name, ASSERTIONS[said])


def test_two_words_stand_between_a_cue_and_its_concept() -> None:
    """So that no run of three words holds both."""
    modifiers = grouped("modifiers.csv", "position", "text")
    for text in (*modifiers["before"], *modifiers["after"]):
        assert len(re.findall(r"\w\w+", text)) >= 2, text
    for template in (template for templates in cues().values() for template in templates):
        before, concept, after = re.split(r"(\{c\}|\{C\})", template)
        assert before.endswith("{pre} ") if concept == "{c}" else not before, template
        assert after == "." or after.startswith(" {post}"), template
