"""Search a space, and take part in another process's search of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import StageParams, stage_params
from fusehr.core.frame.stage import say
from fusehr.core.params.tune import SearchParams, search_params
from fusehr.core.workers import in_processes
from fusehr.tune.identity import PIPELINE, STAGE, study_folder
from fusehr.tune.report import best_of
from fusehr.tune.space import Space, load_space
from fusehr.tune.study import Finished, Search
from fusehr.tune.trial import Training

TABLES = Path("data/tables")


def tune_params(name: str, root: Path = Path()) -> StageParams:
    """What the stage of space `name` declares; InputError where there is no such space."""
    return stage_params(f"{STAGE}@{name}", root, pipeline=PIPELINE)


def search(space: Space, params: StageParams, root: Path = Path()) -> list[Finished]:
    """The trials of the study of `space`, searched by `tune.processes` processes.

    Raises InputError where a trial cannot be trained, and where none was complete.
    """
    asked = search_params(params)
    folder = study_folder(root, space.name, params)
    training = Training(space, params, root / TABLES)
    if asked.processes == 1:
        take_part(folder, training, asked, log=say)
    else:
        calls: list[tuple[Any, ...]] = [(folder, training, asked)] * asked.processes
        for _ in in_processes(take_part, calls, most=asked.processes, log=say):
            pass
    trials = Search(folder, space, asked).finished()
    if all(one.score is None for one in trials):
        raise InputError(
            f"tune {space.name}: expected a complete trial, found {len(trials)} that diverged; "
            "try a lower learning_rate"
        )
    return trials


def take_part(
    folder: Path, training: Training, params: SearchParams, *, log: Callable[[str], None]
) -> None:
    """One process's part in the study in `folder`, until all of its trials are finished."""
    Search(folder, training.space, params).take_part(training, log=log)


def join(root: Path, name: str) -> str:
    """Take part in the search of space `name`; a line on its best trial."""
    params = tune_params(name, root)
    space = load_space(name, params)
    asked = search_params(params)
    folder = study_folder(root, name, params)
    take_part(folder, Training(space, params, root / TABLES), asked, log=say)
    trials = Search(folder, space, asked).finished()
    if all(one.score is None for one in trials):
        return f"tune {name}: all {len(trials)} trials diverged"
    best = best_of(trials)
    shown = ", ".join(f"{path} {value}" for path, value in best.values.items())
    return (
        f"tune {name}: {len(trials)} trials finished; best is trial {best.place + 1} with "
        f"{space.params.metric} {best.score:.4f} on validation patients: {shown}; "
        f"`make tune space={name}` writes the result"
    )
