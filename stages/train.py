"""Fit one recipe on every task: `python stages/train.py <recipe>`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from fusehr.core.frame.files import output_folder
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run
from fusehr.train.engine.registry import load_job
from fusehr.train.engine.run import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    recipe = parser.parse_args().recipe
    # Threads that wait for each other must sleep: spinning ones starve whatever else runs on the
    # cores (two busy cores: boosting took five times as long). Read when libraries are loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    job = load_job(recipe, stage_params(f"train@{recipe}"))
    with output_folder(Path("data/train", recipe)) as folder:
        train(job, tables=Path("data/tables"), folder=folder, live=Path("dvclive", recipe))


if __name__ == "__main__":
    run(main)
