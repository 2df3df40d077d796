"""How fast the student is, against its teacher and against a teacher of CKD-EHR's kind.

    python benchmarks/distillation.py [--texts 64] [--rounds 5]

The same texts, those of the validation patients of the last run, with two threads:

- student: what distill-student exported, by torch, by onnxruntime (onnx), with weights of 8 bits
  (int8);
- teacher: the run's own, its adapters merged into its weights, in its precision;
- Qwen2.5-0.5B's shape: the causal teacher's architecture with random weights, in whichever of
  bfloat16 and float32 is the faster here. Its tokenizer is not at hand: it gets random tokens, as
  many as the teacher's tokenizer makes of instruction and input, 1,024 at most, as published. The
  others read what `distill.teacher.max_tokens` lets them: the table tells how many each reads.

Latency is that of the network, for one text and for 32 padded to the longest of them; tokens are
made before, and their time is told apart. Each row is measured in a process of its own, whose peak
of memory stands beside it. Published for CKD-EHR (arXiv 2506.15118): 22.2 times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

from fusehr.core.frame.files import read_json
from fusehr.core.frame.params import lookup, read_yaml, validate
from fusehr.core.instructions import Instruction, read_jsonl
from fusehr.core.params.distill import STUDENT, TeacherParams
from fusehr.core.seeding import generator
from fusehr.models.distilled.exported import RUNTIMES, Runtime, load_exported
from fusehr.models.distilled.tokens import TokenBatch, TokenTexts, load_tokenizer, prompt, tokenise
from fusehr.serve.models import STUDENTS

TASK = "next_diagnoses"
DATA, TEACHER = Path("data/distill/data"), Path("data/distill/teacher")
THREADS = 2
BATCHES = (1, 32)
CLAIM = 22.2
QWEN, PROBED = "Qwen2.5-0.5B's shape", 4
QWEN_SHAPE: dict[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
}
QWEN_TOKENS = 1024


@dataclass(frozen=True)
class Case:
    """A network and its texts. run: a batch to something that is thrown away or compared."""

    run: Callable[[TokenBatch], Any]
    texts: TokenTexts
    parameters: int


def rows_read(n: int) -> tuple[Path, list[Instruction]]:
    """The first n validation texts, or test texts where no patient validates."""
    named = [DATA / f"{TASK}_{fold}.json" for fold in ("val", "test")]
    path = next((path for path in named if path.is_file()), named[0])
    return path, read_jsonl(path)[:n]


def teacher_params() -> TeacherParams:
    """Of the run."""
    tree = read_yaml(Path("params.yaml"))
    return validate(lookup(tree, "distill.teacher"), TeacherParams, "distill.teacher")


def student_case(rows: list[Instruction], runtime: Runtime) -> Case:
    """The exported student."""
    folder = STUDENTS / TASK
    student = load_exported(folder, runtime, threads=THREADS)
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "numpy") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    return Case(
        student.run,
        student.tokens([row.input for row in rows]),
        sum(int(np.prod(shape)) for shape in shapes),
    )


def teacher_case(rows: list[Instruction]) -> Case:
    """The run's teacher of all train patients."""
    from fusehr.models.distilled.teacher import Teacher, teacher_source

    params = teacher_params()
    source = teacher_source(params)
    n_classes = len(read_json(STUDENTS / TASK / "about.json")["classes"])
    teacher = Teacher(source, n_classes, params).eval()
    teacher.load(TEACHER / TASK / "split" / "full")
    # as one would serve it: adapters cost nothing then
    teacher.peft.merge_adapter()
    tokenizer = load_tokenizer(source.body)
    texts = tokenise(
        tokenizer,
        [row.input for row in rows],
        [[0]] * len(rows),
        around=prompt(tokenizer, rows[0].instruction),
        max_tokens=source.max_tokens,
    )
    return Case(teacher, texts, sum(p.numel() for p in teacher.parameters()))


def qwen_case(rows: list[Instruction], dtype: torch.dtype) -> Case:
    """Qwen2.5-0.5B's architecture with random weights, the last token's state and a head."""
    from transformers import AutoModel, Qwen2Config

    from fusehr.models.distilled.attention import pooled
    from fusehr.models.distilled.teacher import teacher_source

    tokenizer = load_tokenizer(teacher_source(teacher_params()).body)
    whole = [f"{row.instruction}\n{row.input}" for row in rows]
    found = tokenizer(whole, add_special_tokens=False)["input_ids"]
    lengths = torch.tensor([min(len(ids), QWEN_TOKENS) for ids in found])
    rng = generator("benchmark", "distillation")
    vocabulary = QWEN_SHAPE["vocab_size"]
    ids = torch.from_numpy(rng.integers(vocabulary, size=int(lengths.sum())))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    texts = TokenTexts(ids, torch.zeros_like(ids), offsets, torch.zeros_like(lengths), 0)
    config = Qwen2Config(**QWEN_SHAPE, use_cache=False)
    torch.manual_seed(0)
    body: Any = AutoModel.from_config(config, dtype=dtype).eval()
    head = torch.nn.Linear(QWEN_SHAPE["hidden_size"], 25)

    def run(batch: TokenBatch) -> torch.Tensor:
        # as the teacher does: without padding no mask is needed
        mask = None if bool(batch.mask.all()) else batch.mask.long()
        hidden = body(input_ids=batch.ids, attention_mask=mask).last_hidden_state
        return head(pooled(hidden, batch.mask, "last"))

    n = sum(p.numel() for p in (*body.parameters(), *head.parameters()))
    return Case(run, texts, n)


def case_of(name: str, rows: list[Instruction]) -> Case:
    """student-<runtime>, teacher, or qwen-<dtype>."""
    kind, _, rest = name.partition("-")
    if kind == "student":
        return student_case(rows, next(r for r in RUNTIMES if r == rest))
    if kind == "teacher":
        return teacher_case(rows)
    return qwen_case(rows, {"bfloat16": torch.bfloat16, "float32": torch.float32}[rest])


def peak_mb() -> float:
    """Of this process since it began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, n: int, rounds: int) -> dict[str, Any]:
    """Seconds of each call by size of batch, a list a round; parameters, memory, logits."""
    torch.set_num_threads(THREADS)
    _, rows = rows_read(n)
    before = peak_mb()
    case = case_of(name, rows)
    found: dict[str, Any] = {"parameters": case.parameters, "tokens": case.texts.lengths.tolist()}
    with torch.inference_mode():
        order = torch.arange(len(rows))
        if name.startswith("student"):
            logits = [case.run(case.texts.batch(row)) for row in order.split(1)]
            found["logits"] = np.concatenate(logits).tolist()
        for size in BATCHES:
            batches = [case.texts.batch(some) for some in order.split(size)]
            # kernels for these shapes are chosen; where one round takes minutes, a text will do
            case.run(batches[0] if rounds > 1 else case.texts.batch(order[:1]))
            found[str(size)] = [
                [_seconds(lambda batch=batch: case.run(batch)) for batch in batches]
                for _ in range(rounds)
            ]
    return found | {"peak": peak_mb(), "libraries": before}


def _seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_a_process(name: str, n: int, rounds: int) -> dict[str, Any]:
    """`measure` in a process of its own."""
    told = ["--row", name, "--texts", str(n), "--rounds", str(rounds)]
    command = [sys.executable, __file__, *told]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rate(found: dict[str, Any], size: int) -> float:
    """Texts a second, of the round in the middle."""
    return len(found["tokens"]) / float(np.median([sum(calls) for calls in found[str(size)]]))


def faster_dtype(n: int) -> str:
    """Of the Qwen shape, on a few texts one by one."""
    dtypes = ("bfloat16", "float32")
    rates = {dtype: rate(in_a_process(f"qwen-{dtype}", min(n, PROBED), 1), 1) for dtype in dtypes}
    return max(rates, key=lambda dtype: rates[dtype])


def stated(name: str) -> str:
    """Macro AUROC on test patients as the last run states it."""
    path = Path("metrics/students.json")
    board = read_json(path) if path.is_file() else {}
    value = board.get(TASK, {}).get(name, {}).get("auroc")
    return "not stated" if value is None else f"{value:.3f}"


def report(n: int, rounds: int) -> None:
    """Print the table, and how many times as fast the student is."""
    path, rows = rows_read(n)
    n = len(rows)
    dtype = faster_dtype(n)
    own = stated(STUDENT)
    params = teacher_params()
    named = {
        **{
            f"student-{r}": (f"student, {r}", own if r != "int8" else "not stated")
            for r in RUNTIMES
        },
        "teacher": (f"teacher, {params.model}, {params.dtype}", stated("teacher")),
        f"qwen-{dtype}": (f"{QWEN}, {dtype}", "random weights"),
    }
    found = {
        name: in_a_process(name, n, 1 if name.startswith("qwen") else rounds) for name in named
    }
    print(f"{n} texts of {path}, {THREADS} threads; students and teacher {rounds} rounds, Qwen 1")
    told = "model parameters AUROC tokens peak-MB own-MB batch texts/s p50-ms p95-ms"
    lines: list[tuple[str, ...]] = [tuple(told.split())]
    for name, (title, auroc) in named.items():
        one = found[name]
        for size in BATCHES:
            calls = 1000 * np.concatenate(one[str(size)])
            low, high = np.percentile(calls, [50, 95])
            about = (title, f"{one['parameters']:,}", auroc, f"{np.mean(one['tokens']):.0f}")
            memory = (f"{one['peak']:.0f}", f"{one['peak'] - one['libraries']:.0f}")
            speed = (f"{rate(one, size):,.1f}", f"{low:.2f}", f"{high:.2f}")
            lines.append((*about, *memory, str(size), *speed))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    print(
        "tokens: read of a text, mean; own-MB: of the peak, what came after libraries were loaded"
    )
    _ratios(found, named, slow=("teacher", f"qwen-{dtype}"))
    _closeness(found)
    _tokens(rows)


def _ratios(
    found: dict[str, dict[str, Any]], named: dict[str, tuple[str, str]], slow: tuple[str, ...]
) -> None:
    for other in slow:
        for runtime in RUNTIMES:
            own = found[f"student-{runtime}"]
            ratios = [rate(own, size) / rate(found[other], size) for size in BATCHES]
            told = ", ".join(
                f"{ratio:,.1f} times in batches of {size}"
                for ratio, size in zip(ratios, BATCHES, strict=True)
            )
            claim = "more" if min(ratios) > CLAIM else "not more"
            print(
                f"student, {runtime}, against {named[other][0]}: {told}; "
                f"{claim} than {CLAIM} times in each"
            )


def _closeness(found: dict[str, dict[str, Any]]) -> None:
    """Of runtimes to torch, in probabilities."""
    exact, *others = (
        1 / (1 + np.exp(-np.array(found[f"student-{runtime}"]["logits"]))) for runtime in RUNTIMES
    )
    for runtime, p in zip(RUNTIMES[1:], others, strict=True):
        away = np.abs(p - exact)
        print(
            f"probabilities by {runtime} against torch: mean difference {away.mean():.2g}, "
            f"largest {away.max():.2g}"
        )


def _tokens(rows: list[Instruction]) -> None:
    student = load_exported(STUDENTS / TASK, "onnx", threads=THREADS)
    texts = [row.input for row in rows]
    student.tokens(texts)
    seconds = _seconds(lambda: [student.tokens([text]) for text in texts]) / len(texts)
    print(f"tokens made of one text: {1000 * seconds:.2f} ms")


def main() -> None:
    """Print the table, or as a process of its own one row's measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(json.dumps(measure(given.row, given.texts, given.rounds)))
    else:
        report(given.texts, given.rounds)


if __name__ == "__main__":
    main()
