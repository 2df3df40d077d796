"""How much of the spread of scores each parameter explains: fANOVA over complete trials.

Reference: Hutter, Hoos & Leyton-Brown, ICML 2014. With a few dozen trials it is a hint, no proof.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from fusehr.core.seeding import seed_of
from fusehr.tune.space import Space
from fusehr.tune.study import Finished


def importances(space: Space, trials: Sequence[Finished], *, seed: int) -> dict[str, float]:
    """Path -> share, adding up to 1, the largest first; empty where scores do not differ.

    Trials enter in the order of their places, so the shares are the same on every run.
    """
    complete = [one for one in trials if one.score is not None]
    if len({one.score for one in complete}) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    for one in complete:
        study.add_trial(
            create_trial(
                value=one.score, params=dict(one.values), distributions=space.distributions
            )
        )
    evaluator = FanovaImportanceEvaluator(seed=seed_of("tune", "importance", seed))
    found = get_param_importances(study, evaluator=evaluator)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
