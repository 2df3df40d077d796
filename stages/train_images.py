"""Stage `train-images`: an encoder of chest images, and its vectors of the cohort's."""

from __future__ import annotations

import os
from pathlib import Path

from fusehr.core.frame.files import output_folder, write_json
from fusehr.core.frame.params import stage_params
from fusehr.core.frame.stage import run
from fusehr.core.params.images import ImageParams


def main() -> None:
    """Read data/tables; write data/train/images and metrics/images.json."""
    # read when libraries are loaded: threads that spin while they wait starve the others
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from fusehr.train.images.run import train_images

    params = stage_params("train-images").section("train.images", ImageParams)
    with output_folder("data/train/images") as folder:
        metrics = train_images(Path("data/tables"), folder, params)
    write_json("metrics/images.json", metrics)


if __name__ == "__main__":
    run(main)
