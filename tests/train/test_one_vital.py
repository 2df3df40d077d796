"""The best rule of one variable, found and used."""

from __future__ import annotations

import numpy as np

from fusehr.train.recipes.one_vital import Rule, best_rules

NAN = np.nan


def test_the_rule_with_the_best_balanced_accuracy_is_found() -> None:
    # the first variable tells little, the second is low in positives, and missing in one negative
    values = np.array([[1, 9], [2, 2], [3, 8], [4, 1], [5, 7], [6, NAN]], dtype=float)
    labels = np.array([[0], [1], [0], [1], [0], [0]])
    (rule,) = best_rules(values, labels, names=["spo2", "sbp"], columns=[4, 7], quantiles=9)
    assert rule == Rule(variable="sbp", column=7, above=False, cutoff=2.0, p_fired=1.0, p_not=0.0)


def test_a_missing_value_fires_in_neither_direction() -> None:
    values = np.array([1.0, NAN, 3.0])
    above = Rule("sbp", 0, above=True, cutoff=2.0, p_fired=0.9, p_not=0.1)
    below = Rule("sbp", 0, above=False, cutoff=2.0, p_fired=0.9, p_not=0.1)
    assert above.fires(values).tolist() == [False, False, True]
    assert below.fires(values).tolist() == [True, False, False]


def test_a_class_that_all_or_none_have_gets_no_rule() -> None:
    values = np.arange(4.0)[:, None]
    labels = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 1]])
    rules = best_rules(values, labels, names=["sbp"], columns=[0], quantiles=3)
    assert [rule is None for rule in rules] == [True, True, False]
