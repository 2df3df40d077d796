"""Assertion of disease mentions against medspaCy's ConText, on the labelled sentences.

    python3.11 -m venv /tmp/medspacy && /tmp/medspacy/bin/pip install "medspacy==1.3.1" "numpy<2"
    python benchmarks/assertion.py --peer /tmp/medspacy/bin/python

medspaCy 1.3 holds numpy below 2, hence its own environment; without --peer our figures alone are
printed. Sentences: tests/rag/assertion/{development,test}.csv. The cues were tuned on the first
only. Of medspaCy's flags the first of family, negated, hypothetical, historical counts, as in ours;
its `uncertain` counts as hypothetical or, in a second line, as nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from collections import defaultdict
from pathlib import Path

from fusehr.rag.assertion.context import assertions
from fusehr.rag.assertion.cues import Assertion

FOLDER = Path(__file__).parents[1] / "tests/rag/assertion"
PEER = Path(__file__).with_name("assertion_medspacy.py")
Row = dict[str, str]


def ours(rows: list[Row]) -> list[str]:
    """Assertion of each row, all concepts of a sentence given at once."""
    of_sentence: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        of_sentence[row["sentence"]].append(i)
    found = [""] * len(rows)
    for sentence, places in of_sentence.items():
        starts = [(sentence.index(rows[i]["concept"]), rows[i]["concept"]) for i in places]
        spans = [(start, start + len(concept)) for start, concept in starts]
        for i, assertion in zip(places, assertions(sentence, spans), strict=True):
            found[i] = str(assertion)
    return found


def medspacy(rows: list[Row], python: str) -> dict[str, list[str]]:
    """Assertions of the peer, by how its flag `uncertain` is read."""
    answer = subprocess.run(
        [python, str(PEER)], input=json.dumps(rows), capture_output=True, text=True, check=True
    )
    # Its loggers may write before the answer, which is the last line.
    flags = json.loads(answer.stdout.splitlines()[-1])
    order = [
        ("is_family", Assertion.FAMILY),
        ("is_negated", Assertion.ABSENT),
        ("is_hypothetical", Assertion.HYPOTHETICAL),
        ("is_historical", Assertion.HISTORICAL),
    ]
    strict = [*order, ("is_uncertain", Assertion.HYPOTHETICAL)]
    return {
        name: [next((str(a) for flag, a in rules if flag in row), "present") for row in flags]
        for name, rules in (
            ("medspaCy, uncertain as hypothetical", strict),
            ("medspaCy, uncertain ignored", order),
        )
    }


def report(name: str, rows: list[Row], found: list[str]) -> None:
    """Precision, recall and F1 of each assertion, and the confusion."""
    labels = [str(a) for a in Assertion]
    pairs = [(row["assertion"], guess) for row, guess in zip(rows, found, strict=True)]
    right = sum(a == b for a, b in pairs) / len(pairs)
    print(f"\n{name}: accuracy {right:.3f}")
    print(f"  {'labelled':12}   P     R     F1    as " + " ".join(f"{b:>12}" for b in labels))
    for label in labels:
        hits = pairs.count((label, label))
        labelled, guessed = sum(a == label for a, _ in pairs), sum(b == label for _, b in pairs)
        scores = hits / max(guessed, 1), hits / labelled, 2 * hits / (labelled + guessed)
        counts = " ".join(f"{pairs.count((label, b)):12d}" for b in labels)
        print(f"  {label:12} " + " ".join(f"{s:.3f}" for s in scores) + "     " + counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", help="python of an environment with medspacy 1.3")
    peer = parser.parse_args().peer
    for part in ("development", "test"):
        with (FOLDER / f"{part}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        sentences = len({row["sentence"] for row in rows})
        print(f"\n== {part}: {sentences} sentences, {len(rows)} concepts")
        report("ours", rows, ours(rows))
        if peer:
            for name, found in medspacy(rows, peer).items():
                report(name, rows, found)


if __name__ == "__main__":
    main()
