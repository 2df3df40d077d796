"""Write a review: the page and its images, in the folder review/."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dvc.exceptions import DvcException

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import output_folder
from fusehr.review.differences import changed_metrics, changed_params
from fusehr.review.page import Findings, page
from fusehr.review.paired import compare
from fusehr.review.pictures import changed_plots, side_by_side
from fusehr.review.stages import changed_stages
from fusehr.review.versions import commit_of, expect_reproduced, versions

FOLDER = Path("review")
PAGE = "review.md"


def review(root: Path, revision: str, *, seconds: int | None = None, images_at: str = "") -> str:
    """Compare the working tree of `root` with `revision`; a line saying where the page is.

    seconds: wall clock of the run that is reviewed, where it was taken. images_at: address that
    images are linked below, where the page is shown elsewhere. Raises InputError where git does not
    know the revision, or where the working tree has changes that `dvc repro` has not seen.
    """
    commit = commit_of(root, revision)
    try:
        expect_reproduced(root)
        with tempfile.TemporaryDirectory(prefix="fusehr-review-") as scratch:
            images = _write(root, revision, commit, Path(scratch), seconds, images_at)
    except DvcException as error:
        raise InputError(f"DVC: {error}") from None
    return f"review: wrote {FOLDER / PAGE} and {images} images beside it"


def _write(
    root: Path, revision: str, commit: str, scratch: Path, seconds: int | None, images_at: str
) -> int:
    with output_folder(root / FOLDER) as folder, versions(root, revision) as (base, head):
        pictures, other_plots = changed_plots(base, head)
        for name in pictures:
            side_by_side(base, head, name, folder / Path(name).name, scratch / "pictures" / name)
        found = Findings(
            base=revision,
            commit=commit,
            compared=compare(base, head, scratch),
            metrics=changed_metrics(root, commit),
            params=changed_params(root, commit),
            pictures=[(Path(name).stem, f"{images_at}{Path(name).name}") for name in pictures],
            other_plots=other_plots,
            stages=changed_stages(base, head),
            stages_in_all=len(head.lock.get("stages", {})),
            seconds=seconds,
        )
        (folder / PAGE).write_text(page(found))
    return len(pictures)
