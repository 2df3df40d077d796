"""A study with a fixed number of places, each filled by one finished trial.

A place is what makes a study the same however it was interrupted: what TPE draws for a place
follows from the seed, the place and the trials finished before. A trial whose process died leaves
its place free, and whoever takes it trains the very same values again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from fusehr.core.params.tune import PrunerParams, SearchParams, Value
from fusehr.core.seeding import seed_of
from fusehr.models.networks.fitting import DivergedError
from fusehr.tune.space import Space, Values
from fusehr.tune.storage import alive, kernel_lock, open_journal, worker

PLACE, WORKER, VALUES, DIVERGED = "place", "worker", "values", "diverged"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
# Seconds between looks at the trials of others.
PAUSE_S = 0.5

Objective = Callable[[Values, Callable[[int, float], None]], float]


@dataclass(frozen=True)
class Finished:
    """A finished trial: its place from 0, the values it trained with, its metric epoch by epoch.

    score: of validation samples; None where the trial was pruned. diverged: its loss was no finite
    number, for which it counts as pruned.
    """

    place: int
    values: Mapping[str, Value]
    epochs: Mapping[int, float]
    score: float | None
    diverged: bool


class Search:
    """One process's part in the study of `space` that is kept in `folder`."""

    def __init__(self, folder: Path, space: Space, params: SearchParams) -> None:
        # Optuna tells of every trial, and of pruners and samplers that it calls experimental
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._folder, self._space, self._params = folder, space, params
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = kernel_lock(folder / "study.lock")
        with self._lock:
            self.study: Study = optuna.create_study(
                storage=open_journal(folder),
                study_name=space.name,
                direction="maximize",
                pruner=_pruner(params.pruner),
                load_if_exists=True,
            )

    def take_part(self, objective: Objective, *, log: Callable[[str], None]) -> None:
        """Fill places until none is free, and wait for those that others are at.

        An error of the objective leaves its place free and is raised here.
        """
        with worker(self._folder) as name:
            while True:
                trial = self._claim(name)
                if trial is not None:
                    log(self._said(_run(self.study, self._space, trial, objective)))
                elif len(self.finished()) < self._params.trials:
                    time.sleep(PAUSE_S)
                else:
                    return

    def finished(self) -> list[Finished]:
        """The finished trials of the study's places, in their order."""
        trials = self.study.get_trials(deepcopy=False, states=FINISHED)
        found = {one.place: one for one in map(_finished, trials)}
        return [found[place] for place in range(self._params.trials) if place in found]

    def _claim(self, name: str) -> Trial | None:
        """A trial for the first free place; None where all are taken."""
        with self._lock:
            self._give_up_the_dead()
            trials = self.study.get_trials(deepcopy=False)
            taken = {t.user_attrs[PLACE] for t in trials if _holds_place(t)}
            free = [place for place in range(self._params.trials) if place not in taken]
            if not free:
                return None
            place = free[0]
            if not any(t.state == TrialState.WAITING for t in trials):
                self._enqueue(place, trials)
            self.study.sampler = TPESampler(
                n_startup_trials=self._params.startup_trials,
                multivariate=True,
                seed=seed_of("tune", self._space.name, self._params.seed, place),
            )
            trial = self.study.ask(fixed_distributions=self._space.distributions)
            trial.set_user_attr(PLACE, trial.user_attrs.get(PLACE, place))
            trial.set_user_attr(WORKER, name)
            return trial

    def _enqueue(self, place: int, trials: list[FrozenTrial]) -> None:
        """Let the next trial take over what one at this place had drawn, or begin with defaults."""
        whole = set(self._space.domains)
        for lost in trials:
            if lost.user_attrs.get(PLACE) == place and set(lost.params) == whole:
                self.study.enqueue_trial(lost.params, user_attrs={PLACE: place})
                return
        if place == 0 and self._space.holds_defaults:
            self.study.enqueue_trial(dict(self._space.defaults), user_attrs={PLACE: 0})

    def _give_up_the_dead(self) -> None:
        """Fail running trials whose process is gone; the study's lock is held."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # without a name it died between asking and signing, as both are done under the lock
            name = trial.user_attrs.get(WORKER)
            if name is None or not alive(self._folder, name):
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _said(self, one: Finished) -> str:
        done = self.finished()
        best = max((other.score for other in done if other.score is not None), default=None)
        how = "diverged" if one.diverged else f"pruned after epoch {max(one.epochs, default=0)}"
        metric = self._space.params.metric
        what = how if one.score is None else f"{metric} {one.score:.4f}"
        so_far = "none yet" if best is None else f"{best:.4f}"
        return (
            f"tune {self._space.name}: trial {one.place + 1}, {what}; "
            f"{len(done)} of {self._params.trials} finished, best {so_far}"
        )


def _run(study: Study, space: Space, trial: Trial, objective: Objective) -> Finished:
    """Train and tell; a loss that is no number ends the trial as pruning does."""
    values = space.trained(trial.params)
    trial.set_user_attr(VALUES, values)

    def report(epoch: int, metric: float) -> None:
        trial.report(metric, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    with _failing(study, trial):
        try:
            told = study.tell(trial, objective(values, report), state=TrialState.COMPLETE)
        except optuna.TrialPruned:
            told = study.tell(trial, state=TrialState.PRUNED)
        except DivergedError:
            trial.set_user_attr(DIVERGED, True)
            told = study.tell(trial, state=TrialState.PRUNED)
    return _finished(told)


@contextmanager
def _failing(study: Study, trial: Trial) -> Iterator[None]:
    try:
        yield
    except BaseException:
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise


def _holds_place(trial: FrozenTrial) -> bool:
    return PLACE in trial.user_attrs and trial.state in (*FINISHED, TrialState.RUNNING)


def _finished(trial: FrozenTrial) -> Finished:
    complete = trial.state == TrialState.COMPLETE
    return Finished(
        place=trial.user_attrs[PLACE],
        values=trial.user_attrs[VALUES],
        epochs=dict(sorted(trial.intermediate_values.items())),
        score=trial.value if complete else None,
        diverged=trial.user_attrs.get(DIVERGED, False),
    )


def _pruner(params: PrunerParams) -> BasePruner:
    if params.kind == "none":
        return NopPruner()
    # an epoch is a step, and the first that may end a trial is the one after the warm-up
    return MedianPruner(
        n_startup_trials=params.startup_trials, n_warmup_steps=params.warmup_epochs + 1
    )
