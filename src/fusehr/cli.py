"""The command `fusehr`: look at data and results, rebuild, compare, search, predict."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from fusehr.core.frame.stage import run, say

TABLES = Path("data/tables")


def main() -> None:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="fusehr", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    sql = commands.add_parser("sql", help="query the tables of data/tables, each a view")
    sql.add_argument("query", help='for example "select task, count(*) from samples group by task"')
    sql.add_argument("--csv", action="store_true", help="print CSV instead of a table")

    export = commands.add_parser("export", help="write the tables in another project's form")
    export.add_argument("format", choices=["oneehr", "meds", "flat-embeddings"])
    export.add_argument("folder", type=Path)
    export.add_argument("--parquet", action="store_true", help="oneehr: Parquet instead of CSV")

    leaderboard = commands.add_parser("leaderboard", help="print the last run's leaderboard")
    leaderboard.add_argument("--markdown", action="store_true", help="as the README shows it")
    report = commands.add_parser("report", help="write the last run as one page, to read offline")
    report.add_argument("-o", "--output", type=Path, default=Path("report.html"))
    commands.add_parser("check", help="validate every parameter of params.yaml")
    commands.add_parser(
        "verify", help="rebuild HEAD in a clean clone without the cache and compare dvc.lock"
    )
    powered = commands.add_parser(
        "powered", help="run benchmarks/powered/profile.yaml on HEAD and keep its result there"
    )
    powered.add_argument(
        "--distillation", action="store_true", help="as far as teacher and students are concerned"
    )
    preset = commands.add_parser(
        "preset", help="options of a published configuration: dvc exp run $(fusehr preset <name>)"
    )
    preset.add_argument("name", help="in the block presets of params.yaml")
    tune = commands.add_parser(
        "tune", help="take part in a search of hyperparameters; `make tune` writes its result"
    )
    tune.add_argument("name", help="in tune.spaces of params.yaml")
    best = commands.add_parser(
        "apply-best", help="write the best parameters of a search into params.yaml"
    )
    best.add_argument("name", help="in tune.spaces of params.yaml")
    ablate = commands.add_parser(
        "ablate", help="train and compare variants: benchmarks/ablations/<name>.yaml"
    )
    ablate.add_argument("name", help="emerge, fusion, train_size, or a plan of your own")
    explain = commands.add_parser("explain", help="what the graph tells of one sample, and why")
    explain.add_argument("sample_id", help="as in the table samples, for example mortality-3000001")
    server = commands.add_parser(
        "embed-server", help="serve an encoder to `embed.encoder=gradio:<url>` (needs gradio)"
    )
    server.add_argument("--encoder", default="minilm", help="minilm or hf:<id or folder>")
    server.add_argument("--host", default="127.0.0.1")
    server.add_argument("--port", type=int, default=7860)
    predict = commands.add_parser("predict", help="probabilities of texts, by a trained model")
    predict.add_argument("input", type=Path, help="JSONL of instructions, or CSV of texts")
    predict.add_argument("-o", "--output", type=Path, help="default: <input>.predictions.csv")
    predict.add_argument("--model", default="student", help="student: what distill-student exports")
    predict.add_argument("--task", default="next_diagnoses")
    predict.add_argument("--runtime", choices=["torch", "onnx", "int8"], default="onnx")
    predict.add_argument("--threads", type=int, default=2)
    review = commands.add_parser(
        "review", help="what the working tree changes against a git revision, as a page: review/"
    )
    review.add_argument("base", help="a git revision, for example main")
    review.add_argument("--seconds", type=int, help="wall clock of `dvc repro`, to be told")
    review.add_argument("--images-at", default="", help="address that images are linked below")
    arguments = parser.parse_args()
    run(lambda: _dispatch(arguments))


def _dispatch(arguments: argparse.Namespace) -> None:
    # Imports stay with their command, so that each starts without the others' libraries.
    if arguments.command == "sql":
        from fusehr.tables.query import query

        say(query(TABLES, arguments.query, as_csv=arguments.csv))
    elif arguments.command == "export":
        say(_export(arguments.format, arguments.folder, parquet=arguments.parquet))
    elif arguments.command == "leaderboard":
        from fusehr.evaluate.printed import printed_leaderboard

        say(printed_leaderboard(Path(), markdown=arguments.markdown))
    elif arguments.command == "report":
        from fusehr.report.build import build_report

        say(build_report(Path(), arguments.output))
    elif arguments.command == "check":
        from fusehr.check import check_params

        say(f"params.yaml: {check_params(Path())} stages can read all that they declare")
    elif arguments.command == "preset":
        from fusehr.presets import preset_options

        say(" ".join(preset_options(Path(), arguments.name)))
    elif arguments.command == "tune":
        # Read when libraries are loaded: threads that wait sleep, and leave the cores to others.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from fusehr.tune.run import join

        say(join(Path(), arguments.name))
    elif arguments.command == "apply-best":
        from fusehr.tune.apply_best import apply_best

        say("\n".join(apply_best(Path(), arguments.name)))
    elif arguments.command == "ablate":
        from fusehr.ablation.run import ablate

        say(ablate(Path(), arguments.name))
    elif arguments.command == "explain":
        from fusehr.rag.explain import explain

        say(explain(TABLES, Path("data/rag"), arguments.sample_id))
    elif arguments.command == "embed-server":
        from fusehr.embed.server import serve

        serve(Path(), arguments.encoder, arguments.host, arguments.port)
    elif arguments.command == "predict":
        # Read when libraries are loaded: threads that wait sleep, and leave the cores to others.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from fusehr.serve.predict import predict

        said = predict(
            Path(),
            arguments.input,
            arguments.output,
            model=arguments.model,
            task=arguments.task,
            runtime=arguments.runtime,
            threads=arguments.threads,
        )
        say(said)
    elif arguments.command == "review":
        from fusehr.review.run import review

        base, seconds = arguments.base, arguments.seconds
        say(review(Path(), base, seconds=seconds, images_at=arguments.images_at))
    elif arguments.command == "powered":
        from fusehr.powered import powered, powered_distillation

        say(powered_distillation(Path()) if arguments.distillation else powered(Path()))
    else:
        from fusehr.verify import verify

        say(verify(Path()))


def _export(form: str, folder: Path, *, parquet: bool) -> str:
    if form == "oneehr":
        from fusehr.tables.export import export_oneehr

        export_oneehr(TABLES, folder, parquet=parquet)
        return f"wrote static, dynamic and label to {folder}"
    if form == "meds":
        from fusehr.tables.export_meds import export_meds

        return f"wrote {export_meds(TABLES, folder)} events to {folder}"
    from fusehr.embed.export import export_embeddings

    files = export_embeddings(TABLES, Path("data/embed"), folder)
    return f"wrote {', '.join(files)} to {folder}"
