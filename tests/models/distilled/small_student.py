"""A small student with weights drawn from a seed, exported; as a script: to the folder named.

Its weights are larger than fresh ones, so that its probabilities spread as a trained one's do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from fusehr.core.seeding import generator
from fusehr.models.distilled.about import Class, Exported
from fusehr.models.distilled.export import export_student
from fusehr.models.distilled.student import Shape, Student
from fusehr.models.distilled.tokens import load_tokenizer, special_tokens
from fusehr.models.text.pretrained import minilm_folder

CLASSES = ("gout", "pneumonia", "shock")
WORDS = ("fever", "cough", "gout", "chronic", "acute", "renal", "heart", "the", "of", "had", "17")


def drawn(n: int) -> list[str]:
    """n texts of 1 to 40 words; the student reads 22."""
    rng = generator("small_student")
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 41)).tolist()) for _ in range(n)]


TEXTS = drawn(40)


def tokenizer() -> Any:
    return load_tokenizer(minilm_folder())


def small_student() -> Student:
    torch.manual_seed(3)
    shape = Shape(30522, 24, 0, layers=2, d_model=32, heads=4, dropout=0.1, n_classes=3)
    student = Student(shape)
    with torch.no_grad():
        for name, weight in student.named_parameters():
            if weight.ndim == 2 and "embeddings" not in name:
                weight.mul_(8)
        student.head.weight.mul_(1.5)
    return student.eval()


def about(**changes: Any) -> Exported:
    told: dict[str, Any] = {
        "task": "next_diagnoses",
        "classes": [Class(name=name, title=name.title()) for name in CLASSES],
        "exclusive": False,
        "max_tokens": 24,
        "around": special_tokens(tokenizer()),
        "variant": "full_unlabelled",
        "alpha": 0.5,
        "temperature": 2.0,
        "seed": 1,
        "split_sha": "0" * 64,
        "teacher": "minilm",
        "metrics": {"auroc": 0.75},
    }
    return Exported(**told | changes)


def export(folder: Path) -> Path:
    export_student(folder, small_student(), tokenizer(), about())
    return folder


if __name__ == "__main__":
    export(Path(sys.argv[1]))
