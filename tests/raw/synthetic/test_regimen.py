"""Exposure as it stands in the files: to be read from graph, drugs and diseases together only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from fusehr.core.knowledge.facts import contraindicated, diseases
from fusehr.raw.synthetic.arrays import HOUR, MISSING, Bools, Floats, Ints
from fusehr.raw.synthetic.graph.edges import CONTRAINDICATION, DISEASES, DRUGS, planted_graph
from fusehr.raw.synthetic.graph.kg import OWN_SOURCE, kg_table
from fusehr.raw.synthetic.latent.regimen import (
    FACTS,
    FEWEST,
    MOST,
    OWN_DISEASES,
    choose_drugs,
    draw_diseases,
    draw_regimens,
)
from fusehr.raw.synthetic.latent.truth import visit_ids
from fusehr.raw.synthetic.latent.world import World
from fusehr.raw.synthetic.rows import codes, drugs
from fusehr.raw.synthetic.vocabulary.conditions import COMORBIDITIES, NAMES
from fusehr.raw.synthetic.vocabulary.drugs import fictional_drugs

from .conftest import Tables, make_params

SEED = make_params().seed


@dataclass(frozen=True)
class Seen:
    """Visits as files and graph have them. prescribed: (n, 300). relations: of own pairs."""

    patient: Ints
    exposed: Bools
    prescribed: Bools
    own: Bools
    relations: list[list[str]]


@cache
def related() -> dict[tuple[str, str], str]:
    """(fictional drug, disease) to its relation, from the graph's table."""
    kg = kg_table(SEED).to_pandas()
    kg = kg[(kg["x_source"] == OWN_SOURCE) & kg["x_id"].str.startswith("FX")]
    return dict(zip(zip(kg["x_name"], kg["y_name"], strict=True), kg["relation"], strict=True))


@pytest.fixture(scope="module")
def orders(worlds: list[World]) -> list[pd.DataFrame]:
    """hosp/prescriptions, block by block, with the row of the visit."""
    found = []
    for world in worlds:
        rows = next(iter(drugs.tables(world)))[1].to_pandas()
        visit = pd.Series(
            np.arange(len(world.visits)), visit_ids(world, np.arange(len(world.visits)))
        )
        found.append(rows.assign(visit=rows["hadm_id"].map(visit)))
    return found


@pytest.fixture(scope="module")
def seen(worlds: list[World], orders: list[pd.DataFrame]) -> Seen:
    position = {drug.label: i for i, drug in enumerate(fictional_drugs())}
    names = [disease.name for disease in diseases()]
    parts: list[Seen] = []
    for world, rows in zip(worlds, orders, strict=True):
        visits = world.visits
        kept = rows[rows["drug"].isin(position)].dropna(subset="visit")
        prescribed = np.zeros((len(visits), DRUGS), dtype=bool)
        prescribed[kept["visit"].astype(int), kept["drug"].map(position)] = True
        own = np.zeros((len(visits), DISEASES), dtype=bool)
        has = world.diseases[visits.patient]
        own[np.arange(len(visits))[:, None], has] = True
        labels = [drug.label for drug in fictional_drugs()]
        relations = [
            [
                related()[labels[drug], names[disease]]
                for drug in np.flatnonzero(prescribed[v])
                for disease in has[v]
                if (labels[drug], names[disease]) in related()
            ]
            for v in range(len(visits))
        ]
        number = world.patients.number[visits.patient]
        parts.append(Seen(number, visits.flags["graph"], prescribed, own, relations))
    return Seen(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in ("patient", "exposed")),
        *(np.concatenate([getattr(p, f) for p in parts]) for f in ("prescribed", "own")),
        relations=[r for p in parts for r in p.relations],
    )


def test_every_visit_has_as_many_facts_and_exposure_is_one_contraindication(seen: Seen) -> None:
    assert {len(found) for found in seen.relations} == {FACTS}
    contraindications = np.array([found.count(CONTRAINDICATION) for found in seen.relations])
    assert (contraindications == seen.exposed).all()
    # each drug of these pairs is related to one own disease, and each pair to another disease
    graph = planted_graph(SEED).relation >= 0
    pairs = seen.prescribed.astype(np.float32) @ graph.astype(np.float32) * seen.own
    assert pairs.max() == 1
    assert ((pairs > 0).sum(axis=1) == FACTS).all()


def test_numbers_of_drugs_and_of_diseases_say_nothing(seen: Seen) -> None:
    count = seen.prescribed.sum(axis=1)
    assert set(np.unique(count)) == set(range(FEWEST, MOST + 1))
    assert (seen.own.sum(axis=1) == OWN_DISEASES).all()
    assert abs(roc_auc_score(seen.exposed, count) - 0.5) < 0.03
    # the marginal of each drug and each disease: the spread is that of chance
    for present in (seen.prescribed, seen.own):
        a, b = present[seen.exposed], present[~seen.exposed]
        rate = present.mean(axis=0)
        sd = np.sqrt(rate * (1 - rate) * (1 / len(a) + 1 / len(b)))
        z = (a.mean(axis=0) - b.mean(axis=0)) / sd
        assert 0.8 < z.std() < 1.2
        assert abs(z).max() < 5


LEARNT_FROM = 7000  # visits


def auroc_of_boosting(prescribed: Bools, own: Bools, exposed: Bools, patient: Ints) -> float:
    """Of boosting trained on exposure itself, from what one can see without the graph; 3 folds.

    Trees of two splits on leaves of five visits find a drug, a disease and a pair of them.
    """
    x = np.concatenate([prescribed, own], axis=1).astype(np.float32)
    x = np.c_[x, prescribed.sum(axis=1)]
    model = HistGradientBoostingClassifier(
        max_iter=120, max_leaf_nodes=3, min_samples_leaf=5, random_state=0
    )
    # threads of a small job wait for each other longer than they work
    with threadpool_limits(1):
        p = np.asarray(
            cross_val_predict(
                model, x, exposed, groups=patient, cv=GroupKFold(3), method="predict_proba"
            )
        )
    return float(roc_auc_score(exposed, p[:, 1]))


def test_boosting_does_not_learn_exposure_from_codes(seen: Seen) -> None:
    n = LEARNT_FROM
    assert len(seen.exposed) >= n
    columns = (seen.prescribed[:n], seen.own[:n], seen.exposed[:n], seen.patient[:n])
    assert auroc_of_boosting(*columns) < 0.55


def naive_drugs(rng: np.random.Generator, exposed: Bools, own: Ints, count: Ints) -> Bools:
    """(n, 300) by the easy construction: 300 random edges, a drug of one added where exposed."""
    graph = np.zeros((DRUGS, DISEASES), dtype=bool)
    pairs = rng.choice(DRUGS * DISEASES, 300, replace=False)
    graph[pairs // DISEASES, pairs % DISEASES] = True
    against = graph[:, own].any(axis=2).T  # (n, drugs)
    mark = rng.random(against.shape)
    order = np.argsort(np.where(against, 2 + mark, mark), axis=1)
    chosen = np.zeros(against.shape, dtype=bool)
    row, position = np.nonzero(np.arange(MOST) < count[:, None])
    chosen[row, order[row, position]] = True
    added = np.flatnonzero(exposed & (against.sum(axis=1) > 0))
    chosen[added, np.where(against, mark, 2).argmin(axis=1)[added]] = True
    return chosen


def test_boosting_learns_exposure_from_codes_where_edges_are_random(seen: Seen) -> None:
    n = LEARNT_FROM
    rng = np.random.default_rng(0)
    own = np.nonzero(seen.own[:n])[1].reshape(n, OWN_DISEASES)
    count = rng.integers(FEWEST, MOST + 1, n)
    chosen = naive_drugs(rng, seen.exposed[:n], own, count)
    found = auroc_of_boosting(chosen, seen.own[:n], seen.exposed[:n], seen.patient[:n])
    assert found > 0.6


def test_an_edge_has_few_exposures_to_be_learnt_from() -> None:
    # by construction: 12,000 patients, 1.7 visits each, a quarter exposed, 70 % for training
    assert 12_000 * 1.7 * 0.25 * 0.7 / 600 <= 7
    edges = planted_graph(SEED).edges(CONTRAINDICATION)
    rng = np.random.default_rng(1)
    n = 3000
    own = np.argsort(rng.random((n, DISEASES)), axis=1)[:, :OWN_DISEASES]
    graph = planted_graph(SEED)
    chosen = choose_drugs(rng, graph, np.ones(n, dtype=bool), own, np.full(n, MOST))
    times = np.zeros((DRUGS, DISEASES))
    for slot in range(OWN_DISEASES):
        np.add.at(times, (chosen[:, 0], own[:, slot]), 1)
    each: Floats = times[edges]
    # every visit uses one edge, and none of the 600 is a favourite
    assert each.sum() == n
    assert each.max() < 4 * each.mean()


def test_orders_come_with_admission_and_on_the_hour(
    worlds: list[World], orders: list[pd.DataFrame]
) -> None:
    labels = {drug.label for drug in fictional_drugs()}
    seconds = pd.Timestamp(0)
    for world, rows in zip(worlds[:8], orders[:8], strict=True):
        visits = world.visits
        home = rows[rows["drug"].isin(labels)].dropna(subset="visit")
        first = home.groupby(["visit", "drug"])["starttime"].min().reset_index()
        visit = first["visit"].to_numpy().astype(int)
        start = ((first["starttime"] - seconds) // pd.Timedelta(seconds=1)).to_numpy()
        assert (start % HOUR == 0).all()
        assert (start >= visits.admit[visit]).all()
        assert (start <= visits.admit[visit] + 6 * HOUR).all()
        assert (start < visits.discharge[visit]).all()
        icu = visits.icu_in[visit]
        assert (start[icu != MISSING] < icu[icu != MISSING] + 20 * HOUR).all()
        # an order that ends before it starts would be dropped
        assert (home["stoptime"] >= home["starttime"]).all()
        again = len(home) / len(first) - 1
        assert 0.02 < again < 0.1


def test_no_real_drug_is_ordered_against_what_the_patient_has(
    worlds: list[World], orders: list[pd.DataFrame]
) -> None:
    names = np.array([*NAMES, *COMORBIDITIES])
    avoided = 0
    for world, rows in zip(worlds[:8], orders[:8], strict=True):
        conditions = world.patients.conditions[world.visits.patient]
        holds = np.concatenate([world.present, conditions], axis=1)
        of_visit = [set(names[row]) for row in holds]
        known = rows.dropna(subset="visit")
        for visit, drug in zip(known["visit"].astype(int), known["drug"].str.lower(), strict=True):
            assert not {(drug, name) for name in of_visit[visit]} & contraindicated()
        avoided += sum(("heparin", name) in contraindicated() for v in of_visit for name in v)
    assert avoided > 100  # there was something to leave out


def test_own_diseases_are_billed_at_four_visits_of_five(worlds: list[World]) -> None:
    billed = possible = 0
    of_code = {(d.icd9, 9): i for i, d in enumerate(diseases())}
    of_code |= {(d.icd10, 10): i for i, d in enumerate(diseases())}
    for world in worlds[:8]:
        rows = next(iter(codes.tables(world)))[1].to_pandas()
        keys = zip(rows["icd_code"], rows["icd_version"], strict=True)
        rows["disease"] = [of_code.get(key, -1) for key in keys]
        rows = rows[rows["disease"] >= 0]
        own = pd.Series(list(world.diseases), world.patients.subject_id)
        assert all(
            disease in own[subject]
            for subject, disease in zip(rows["subject_id"], rows["disease"], strict=True)
        )
        billed += len(rows)
        possible += OWN_DISEASES * len(world.visits)
    assert billed / possible == pytest.approx(0.8, abs=0.015)


def test_files_have_titles_of_all_diseases_and_orders_of_fictional_drugs(small: Tables) -> None:
    titles = small("hosp/d_icd_diagnoses")
    known = set(zip(titles["icd_code"], titles["icd_version"], titles["long_title"], strict=True))
    for disease in diseases():
        assert (disease.icd9, "9", disease.title9) in known
        assert (disease.icd10, "10", disease.title10) in known
    ordered = small("hosp/prescriptions")
    labels = {drug.label for drug in fictional_drugs()}
    assert 0.3 < ordered["drug"].isin(labels).mean() < 0.6


def test_regimens_are_a_blocks_own_and_the_same_every_time(worlds: list[World]) -> None:
    world = worlds[1]
    params, graph = world.model.params, planted_graph(SEED)
    one, other = (draw_regimens(params, graph, 1, world.visits, world.diseases) for _ in range(2))
    assert (one.drug == other.drug).all()
    assert (one.start == other.start).all()
    assert (np.diff(one.visit) >= 0).all()
    shifted = draw_regimens(params, graph, 2, world.visits, world.diseases)
    assert len(shifted) != len(one) or (shifted.drug != one.drug).any()


def test_own_diseases_are_distinct_and_uniform() -> None:
    own = np.concatenate([draw_diseases(SEED, block, 250) for block in range(40)])
    assert (np.diff(np.sort(own, axis=1), axis=1) > 0).all()
    share = np.bincount(own.ravel(), minlength=DISEASES) / len(own)
    assert abs(share - OWN_DISEASES / DISEASES).max() < 0.01
    assert (draw_diseases(SEED, 0, 250) == own[:250]).all()
