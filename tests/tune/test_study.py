"""A study: the same on every run, shared by processes, and whole whatever happens to them."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from fusehr.core.params.tune import PrunerParams
from fusehr.models.networks.fitting import DivergedError
from fusehr.tune.space import Values
from fusehr.tune.storage import JOURNAL
from fusehr.tune.study import Finished, Search

from .conftest import RATE, SEARCH, TOY, WIDTH, searched

FORK = multiprocessing.get_context("fork")


def quality(values: Values) -> float:
    """Best at a rate of 0.03 and a width of 32."""
    return 1 - (math.log10(float(values[RATE])) + 1.5) ** 2 / 10 - (32 - int(values[WIDTH])) / 100


def toy(values: Values, report: Callable[[int, float], None]) -> float:
    """Three epochs that come nearer to the quality of the values."""
    for epoch in (1, 2, 3):
        report(epoch, quality(values) * epoch / 3)
    return quality(values)


def run(folder: Path, objective: Any = toy, **changes: Any) -> list[Finished]:
    search = Search(folder, TOY, searched(**changes))
    search.take_part(objective, log=lambda _: None)
    return search.finished()


def test_the_same_study_twice(tmp_path: Path) -> None:
    one, other = run(tmp_path / "one"), run(tmp_path / "other")
    assert one == other
    assert len({tuple(trial.values.items()) for trial in one}) > SEARCH.trials / 2
    assert run(tmp_path / "seed", seed=4) != one


def test_the_first_trial_has_the_defaults_and_numbers_have_few_digits(tmp_path: Path) -> None:
    first, *others = run(tmp_path)
    assert first.values == TOY.defaults
    for trial in others:
        rate = float(trial.values[RATE])
        assert rate == float(f"{rate:.3g}") and 0.0001 <= rate <= 1.0


def test_it_comes_nearer_to_the_best_than_chance(tmp_path: Path) -> None:
    trials = run(tmp_path, trials=30)
    late = [quality(trial.values) for trial in trials[15:]]
    early = [quality(trial.values) for trial in trials[1:4]]
    assert sum(late) / len(late) > sum(early) / len(early)
    assert max(late) > 0.95


def test_trials_below_the_median_are_pruned_and_count(tmp_path: Path) -> None:
    trials = run(tmp_path)
    pruned = [trial for trial in trials if trial.score is None]
    assert pruned and len(trials) == SEARCH.trials
    # not before the epoch behind the warm-up, and none that is as good as the best
    assert {max(trial.epochs) for trial in pruned} <= {2, 3}
    best = max(trial.score for trial in trials if trial.score is not None)
    assert all(quality(trial.values) < best for trial in pruned)
    none = PrunerParams(kind="none", startup_trials=2, warmup_epochs=1)
    assert all(trial.score is not None for trial in run(tmp_path / "none", pruner=none))


def test_a_loss_that_is_no_number_ends_a_trial_and_not_the_search(tmp_path: Path) -> None:
    def sometimes(values: Values, report: Any) -> float:
        if float(values[RATE]) > 0.1:
            raise DivergedError("the loss is nan")
        return toy(values, report)

    trials = run(tmp_path, sometimes)
    assert len(trials) == SEARCH.trials
    assert any(trial.diverged for trial in trials)
    assert all((float(t.values[RATE]) > 0.1) == t.diverged for t in trials)
    assert all(trial.score is None for trial in trials if trial.diverged)


def test_an_error_leaves_its_place_free_and_the_next_run_tries_the_same_values(
    tmp_path: Path,
) -> None:
    seen: list[Values] = []

    def breaks(values: Values, report: Any) -> float:
        seen.append(values)
        if len(seen) == 6:
            raise RuntimeError("disk full")
        return toy(values, report)

    with pytest.raises(RuntimeError, match="disk full"):
        run(tmp_path / "broken", breaks)
    assert len(Search(tmp_path / "broken", TOY, SEARCH).finished()) == 5
    resumed = run(tmp_path / "broken")
    assert resumed == run(tmp_path / "whole")
    assert resumed[5].values == seen[5]


def test_more_trials_go_on_with_a_study_and_fewer_are_its_first(tmp_path: Path) -> None:
    many = run(tmp_path / "grown", trials=6) + run(tmp_path / "grown", trials=9)[6:]
    assert many == run(tmp_path / "at once", trials=9)
    assert run(tmp_path / "grown", trials=4) == many[:4]


def work(folder: Path, pause: float) -> None:
    def slow(values: Values, report: Any) -> float:
        time.sleep(pause)
        return toy(values, report)

    run(folder, slow)


def test_processes_share_a_study_of_exactly_so_many_trials(tmp_path: Path) -> None:
    processes = [FORK.Process(target=work, args=(tmp_path, 0.05)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    search = Search(tmp_path, TOY, SEARCH)
    assert [trial.place for trial in search.finished()] == list(range(SEARCH.trials))
    states = [trial.state for trial in search.study.get_trials()]
    assert len(states) == SEARCH.trials
    assert set(states) <= {TrialState.COMPLETE, TrialState.PRUNED}
    workers = {trial.user_attrs["worker"] for trial in search.study.get_trials()}
    assert len(workers) > 1


def hang(folder: Path, at: int) -> None:
    """Work until the trial number `at`, and stay in the middle of it."""
    begun = []

    def stuck(values: Values, report: Any) -> float:
        begun.append(values)
        if len(begun) > at:
            report(1, 0.5)
            (folder / "stuck").touch()
            time.sleep(600)
        return toy(values, report)

    run(folder, stuck)


def killed(folder: Path, at: int) -> None:
    """Start a process on the study in `folder`, and kill it in the middle of a trial."""
    process = FORK.Process(target=hang, args=(folder, at))
    process.start()
    limit = time.monotonic() + 60
    while not (folder / "stuck").exists():
        assert time.monotonic() < limit and process.is_alive()
        time.sleep(0.02)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    (folder / "stuck").unlink()


@pytest.mark.parametrize("at", [0, 5])
def test_a_killed_process_loses_no_finished_trial(tmp_path: Path, at: int) -> None:
    killed(tmp_path / "killed", at)
    left = Search(tmp_path / "killed", TOY, SEARCH)
    kept = left.finished()
    assert len(kept) == at
    running = left.study.get_trials(states=(TrialState.RUNNING,))
    assert [trial.user_attrs["place"] for trial in running] == [at]
    resumed = run(tmp_path / "killed")
    assert resumed[:at] == kept and len(resumed) == SEARCH.trials
    # the lost trial is tried again with its own values, and what follows is as if nothing had been
    assert resumed[at].values == running[0].user_attrs["values"]
    assert resumed == run(tmp_path / "whole")
    assert left.study.get_trials()[at].state == TrialState.FAIL


def test_a_line_torn_by_a_kill_is_cut_off(tmp_path: Path) -> None:
    whole = run(tmp_path / "torn", trials=5)
    with (tmp_path / "torn" / JOURNAL).open("a") as journal:
        journal.write('{"op_code":4,"worker_id":"')
    assert run(tmp_path / "torn", trials=5) == whole
    assert run(tmp_path / "torn", trials=8) == run(tmp_path / "whole", trials=8)
