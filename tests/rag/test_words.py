"""Words and their normal form."""

from __future__ import annotations

import pytest

from fusehr.rag.typing_errors import TypingErrors
from fusehr.rag.words import normal, words


def test_words_numbers_and_signs_with_places() -> None:
    text = "K 3.5, doesn't (T2DM)."
    found = words(text)
    assert [w.text for w in found] == ["K", "3.5", ",", "doesn't", "(", "T2DM", ")", "."]
    assert all(text[w.start : w.end] == w.text for w in found)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("infection", "infections"),
        ("biopsy", "biopsies"),
        ("abscess", "abscesses"),
        ("stenosis", "stenoses"),
        ("metastasis", "metastases"),
        ("virus", "viruses"),
        ("disease", "diseases"),
        ("Crohn", "Crohn's"),
        ("tumor", "tumours"),
    ],
)
def test_singular_and_plural_are_the_same(one: str, many: str) -> None:
    assert normal(one) == normal(many)


@pytest.mark.parametrize("word", ["sepsis", "pus", "mass", "gas"])
def test_words_that_end_in_s_are_not_cut(word: str) -> None:
    assert normal(word) == word


@pytest.mark.parametrize("wrong", ["sclrosis", "scleroosis", "sclarosis", "sclreosis"])
def test_one_error_is_mended(wrong: str) -> None:
    assert TypingErrors({"sclerosis"}).correct(wrong) == "sclerosis"


@pytest.mark.parametrize(
    "word",
    ["xclerosis", "sclorisos", "sclerosi", "injections", "sclerosic", "scle"],
)
def test_what_is_not_one_error_is_left(word: str) -> None:
    assert TypingErrors({"sclerosis", "infections"}).correct(word) == word
