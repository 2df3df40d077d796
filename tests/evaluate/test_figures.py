"""Pictures tell recipes apart and do not depend on the host's settings."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl
import pytest

from fusehr.core.figure_style import drawing
from fusehr.evaluate.figures.style import lines


def test_28_recipes_differ_in_colour_or_dashes() -> None:
    style = lines([f"recipe_{k}" for k in range(28)] + ["oracle", "attainable"])
    pairs = {(line.colour, str(line.dashes)) for line in style.values()}
    assert len(pairs) == 30


def test_neighbours_differ_also_in_grey() -> None:
    names = [f"recipe_{k}" for k in range(28)]
    style = lines(names)
    for one, other in itertools.pairwise(names):
        assert style[one].dashes != style[other].dashes
        assert style[one].marker != style[other].marker


def test_settings_of_the_host_leave_no_trace(tmp_path: Path) -> None:
    def draw(name: str) -> bytes:
        with drawing(tmp_path / name, size=(2, 2)) as figure:
            figure.subplots().plot([0, 1], [0, 1], label="a line")
        return (tmp_path / name).read_bytes()

    plain = draw("plain.png")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 40}):
        assert draw("host.png") == plain
        assert mpl.rcParams["font.size"] == 30
    assert b"Software" not in plain


def test_a_failed_drawing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), drawing(tmp_path / "x.png", size=(2, 2)):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
