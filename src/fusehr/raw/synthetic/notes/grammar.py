"""Sentences from templates: `{slot}` stands for one of the options that slots.csv lists for it."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from string import Formatter

import numpy as np


def read(name: str) -> list[dict[str, str]]:
    """Rows of a CSV of this package."""
    text = (resources.files("fusehr.raw.synthetic.notes") / name).read_text()
    return list(csv.DictReader(text.splitlines()))


def grouped(name: str, key: str, value: str) -> dict[str, tuple[str, ...]]:
    """Column `value` of a CSV of this package, by column `key`, in the order of the file."""
    found: dict[str, list[str]] = {}
    for row in read(name):
        found.setdefault(row[key], []).append(row[value])
    return {group: tuple(values) for group, values in found.items()}


def capitalised(text: str) -> str:
    """First letter in upper case, the others as they are (`SLE`, `von Willebrand`)."""
    return text[:1].upper() + text[1:]


@cache
def slots() -> dict[str, tuple[str, ...]]:
    """Options by slot; `{name_cap}` is `{name}` at the start of a sentence."""
    plain = grouped("slots.csv", "slot", "option")
    starts = {f"{name}_cap": tuple(map(capitalised, texts)) for name, texts in plain.items()}
    return plain | starts


@cache
def _parts(template: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Literal text, and the options that follow it; KeyError names a slot without options."""
    return tuple(
        (literal, slots()[name] if name else ("",))
        for literal, name, _, _ in Formatter().parse(template)
    )


def expansions(template: str) -> int:
    """How many different texts a template may give."""
    return int(np.prod([len(options) for _, options in _parts(template)]))


def bank(rng: np.random.Generator, template: str, most: int) -> tuple[str, ...]:
    """Different texts of one template in random order: all of them, or `most` where it has more."""
    parts = _parts(template)
    chosen = rng.permutation(expansions(template))[:most]
    texts = [""] * len(chosen)
    for literal, options in parts:
        chosen, which = np.divmod(chosen, len(options))
        texts = [
            f"{text}{literal}{options[option]}"
            for text, option in zip(texts, which.tolist(), strict=True)
        ]
    return tuple(texts)
