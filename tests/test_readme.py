"""The README tells what is so: its leaderboard, its commands, its links."""

from __future__ import annotations

import re
from pathlib import Path

from fusehr.core.frame.files import read_json
from fusehr.evaluate.markdown import as_markdown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_leaderboard_is_that_of_the_committed_run() -> None:
    shown = re.search(r"<!-- leaderboard.*?-->\n(.*?)<!-- end", README, re.DOTALL)
    assert shown and shown[1].strip() == as_markdown(read_json(ROOT / "metrics/leaderboard.json"))


def test_the_claims_are_those_of_the_powered_run() -> None:
    section = README.split("## What is claimed")[1].split("\n## ")[0]
    rows = [line.split("|")[2:-1] for line in section.splitlines() if line.startswith("| ")]
    _title, *cells = rows
    assert len(cells) >= 5
    report = (ROOT / "benchmarks/powered/result/report.md").read_text()
    for row in cells:
        assert f"|{'|'.join(row)}|" in report


def test_the_students_are_those_of_the_powered_run() -> None:
    section = README.split("## Distillation")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    page = (ROOT / "benchmarks/powered/distillation/students.md").read_text()
    assert len(rows) >= 8
    for row in rows:
        assert row in page


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)", README))
    assert named and named <= targets
