"""The page of a run: all of it there, nothing from outside, the same bytes twice."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fusehr.core.frame.errors import InputError
from fusehr.report.build import build_report
from fusehr.report.flow import flow_chart

ROOT = Path(__file__).parents[2]
SECTIONS = {
    *("summary", "leaderboard", "paired", "curves", "withheld", "defects", "subgroups", "data"),
    *("training", "distillation", "cost", "parameters"),
}
VOID = {"meta", "link", "img", "br", "path", "rect"}


class Page(HTMLParser):
    """Sections and links of a page; fails where an end tag is not that of the open element."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if value := found.get("id"):
            self.ids.append(value)
        if tag == "a":
            self.anchors.append(found.get("href") or "")
        elif address := found.get("src") or found.get("href"):
            self.loads.append(address)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed numbers and pictures, in a folder without data and without git."""
    root = tmp_path_factory.mktemp("run")
    for folder in ("metrics", "plots"):
        shutil.copytree(ROOT / folder, root / folder)
    for name in ("dvc.lock", "params.yaml"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def page(run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("page") / "report.html"
    build_report(run, target)
    return target.read_text()


def parsed(text: str) -> Page:
    found = Page()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


def test_every_section_is_there_and_every_link_leads_to_one(page: str) -> None:
    found = parsed(page)
    assert set(found.ids) == SECTIONS and len(found.ids) == len(SECTIONS)
    assert {anchor.removeprefix("#") for anchor in found.anchors} == SECTIONS


def test_nothing_is_loaded_from_outside(page: str) -> None:
    assert all(address.startswith("data:") for address in parsed(page).loads)
    assert not re.search(r"""url\(|@import|(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", page)


def test_the_numbers_are_those_of_the_run(page: str, run: Path) -> None:
    metrics = (run / "plots/metrics.csv").read_text().splitlines()
    (row,) = [
        line.split(",")
        for line in metrics
        if line.startswith("mortality,fusehr,full,positive,auroc,")
    ]
    value, low, high = (float(cell) for cell in row[5:8])
    assert f'<td class="interval">{value:.3f} [{low:.3f}, {high:.3f}]</td>' in page
    assert "<td>evaluate.bootstrap_draws</td><td>2000</td>" in page
    assert "not in a git repository" in page


def test_the_same_run_gives_the_same_bytes(page: str, run: Path, tmp_path: Path) -> None:
    build_report(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_what_the_run_lacks_is_named(run: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root)
    lacking = ("plots/students.csv", "plots/defects.csv", "plots/roc.png", "plots/net_benefit.csv")
    for name in lacking:
        (root / name).unlink()
    said = build_report(root, root / "report.html")
    text = (root / "report.html").read_text()
    for name in lacking:
        assert name in said
        assert name in text
    assert set(parsed(text).ids) == SECTIONS


@pytest.mark.parametrize(
    "name", ["metrics/leaderboard.json", "plots/metrics.csv", "plots/paired.csv", "dvc.lock"]
)
def test_without_what_it_needs_it_says_so_and_writes_nothing(
    run: Path, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root)
    (root / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: expected a file, found none"):
        build_report(root, root / "report.html")
    assert not (root / "report.html").exists()


def test_text_of_a_run_cannot_become_markup(run: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(run, root)
    path = root / "plots/defects.csv"
    path.write_text(path.read_text().replace("Multi-modal LSTM", "<b>LSTM</b>"))
    build_report(root, root / "report.html")
    assert "&lt;b&gt;LSTM&lt;/b&gt;" in (root / "report.html").read_text()
    assert "&lt;stay&gt;" in flow_chart("x", [("<stay>", "3", "")])
