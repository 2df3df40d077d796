"""dvc.yaml tells the truth: a stage depends on the code, parameters and tables it reads."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.repo.artifacts import check_name_format
from ruamel.yaml import YAML

from fusehr.core.frame.params import declared_params, lookup
from fusehr.evaluate.students.names import ON_BOARD, predicted_in

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/fusehr"
ROOMS = ("raw", "tables", "embed", "rag", "train", "distill", "evaluate")
SHARED = ("core", "models")
# Files of stages; what stands in another than the first runs only when it is named.
MAIN, SEARCHES = Path("dvc.yaml"), Path("stages/tune/dvc.yaml")


@cache
def params() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


@cache
def stages() -> dict[str, Any]:
    """Stages of all files by name, templates filled in by DVC itself."""
    with Repo(str(ROOT)) as repo:
        return {getattr(stage, "name", ""): stage for stage in repo.index.stages}


@cache
def pipeline(file: Path) -> dict[str, Any]:
    return yaml.safe_load((ROOT / file).read_text())


def names_in(file: Path) -> list[str]:
    names: list[str] = []
    for name, stage in pipeline(file)["stages"].items():
        if "foreach" in stage:
            items = lookup(params(), stage["foreach"].strip("${}"))
            names += [f"{name}@{key}" for key in items]
        else:
            names.append(name)
    return names


def stage_names() -> list[str]:
    return [*names_in(MAIN), *names_in(SEARCHES)]


def module_file(name: str) -> Path | None:
    """Source file of the module `name` of this package, None where it is no module."""
    base = ROOT / "src" / Path(*name.split("."))
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files of this package that `file` imports itself, at any depth of its code."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if module_file(name) else node.module for name in inner]
        for name in names:
            if name.split(".")[0] == "fusehr" and (path := module_file(name)):
                found.add(path)
    return frozenset(found)


def closure(*roots: Path) -> set[Path]:
    """`roots` and all they import, directly or not, with the data files that those name."""
    found, queue = set(), list(roots)
    while queue:
        file = queue.pop()
        if file not in found:
            found.add(file)
            queue += imported(file)
    found = {file for file in found if file.name != "__init__.py"}
    return found | {data for file in found for data in data_files(file)}


@cache
def data_files(file: Path) -> frozenset[Path]:
    """SQL, CSV, YAML and checksum files in or below the folder of `file` that its text names."""
    if PACKAGE not in file.parents:
        return frozenset()
    strings = {
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    text = "\n".join(strings)

    def named(path: Path) -> bool:
        below = path.relative_to(file.parent).parent.as_posix()
        if below == ".":
            return path.name in text or (path.stem in strings and path.suffix in text)
        # in a folder below, the text names the folder too
        whole = f"{below}/{path.name}" in text
        return whole or (f"{below}/" in text and path.stem in strings and path.suffix in text)

    return frozenset(
        path
        for path in file.parent.rglob("*")
        if path.suffix in (".sql", ".csv", ".yaml", ".sha256") and named(path)
    )


def read_code(name: str) -> set[str]:
    """Code that the stage `name` reads, as paths below the root."""
    kind, _, key = name.partition("@")
    roots = [ROOT / "stages" / f"{kind.replace('-', '_')}.py"]
    if kind in ("train", "train-tune"):
        items = params()["recipes"] if kind == "train" else params()["tune"]["spaces"]
        roots.append(PACKAGE / f"train/recipes/{items[key]['module']}.py")
    return {path.relative_to(ROOT).as_posix() for path in closure(*roots)}


def declared_code(name: str) -> set[str]:
    return {
        dep.def_path
        for dep in stages()[name].deps
        if dep.def_path
        and dep.def_path.startswith(("src/", "stages/"))
        # a list in params.yaml that is too short for dvc.yaml is filled with these
        and not dep.def_path.endswith("__init__.py")
    }


def files_of(dep: str) -> set[str]:
    path = ROOT / dep
    if path.is_file():
        return {dep}
    inside = (p for p in path.rglob("*") if p.suffix in (".py", ".sql", ".csv", ".yaml", ".sha256"))
    return {p.relative_to(ROOT).as_posix() for p in inside if p.name != "__init__.py"}


@pytest.mark.parametrize("name", stage_names())
def test_a_stage_depends_on_exactly_the_code_it_reads(name: str) -> None:
    declared = {file for dep in declared_code(name) for file in files_of(dep)}
    assert sorted(read_code(name) - declared) == [], "read and not declared"
    # a list of deps cannot be templated, so what one item of a foreach reads stands for all of them
    kinds = {name.split("@")[0]}
    if kinds == {"train-tune"}:
        # and a space may be that of any recipe
        kinds.add("train")
    siblings = [other for other in stage_names() if other.split("@")[0] in kinds]
    read = set().union(*(read_code(other) for other in siblings))
    assert sorted(declared - read) == [], "declared and not read"


@pytest.mark.parametrize("name", stage_names())
def test_declared_parameters_exist_and_are_those_dvc_sees(name: str) -> None:
    file = SEARCHES if name in names_in(SEARCHES) else MAIN
    ours = set(declared_params(name, pipeline(file), params()))
    theirs = {
        parameter
        for dep in stages()[name].deps
        if (inside := getattr(dep, "params", None))
        for parameter in inside
    }
    assert ours == theirs


def test_every_stage_says_what_it_does() -> None:
    for name, stage in stages().items():
        assert stage.desc and stage.desc.endswith("."), name


def test_every_stage_is_named_after_its_room_and_has_its_script() -> None:
    for name in stages():
        kind = name.partition("@")[0]
        assert kind.split("-")[0] in ROOMS, name
        assert (ROOT / "stages" / f"{kind.replace('-', '_')}.py").is_file(), name


def test_a_room_never_imports_another_room() -> None:
    for room in (*ROOMS, *SHARED):
        for file in sorted((PACKAGE / room).rglob("*.py")):
            for other in imported(file):
                owner = other.relative_to(PACKAGE).parts[0]
                assert owner in (room, *SHARED), f"{file} imports {other}"
                assert room != "core" or owner == "core", f"{file} imports {other}"


def test_package_files_hold_a_docstring_and_nothing_else() -> None:
    """Else importing one module would read code that no stage declares."""
    for file in PACKAGE.rglob("__init__.py"):
        body = ast.parse(file.read_text()).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), file


def test_evaluate_lists_the_scores_of_every_recipe() -> None:
    listed = [d.def_path for d in stages()["evaluate"].deps if "data/evaluate/" in str(d.def_path)]
    recipes = [*params()["recipes"], "ckd_teacher", "ckd_student"]
    assert listed == [f"data/evaluate/{recipe}" for recipe in recipes]


def test_subgroups_may_be_asked_for_of_every_recipe() -> None:
    deps = [str(dep.def_path) for dep in stages()["evaluate-subgroups"].deps]
    listed = [dep for dep in deps if dep.endswith("predictions.parquet")]
    trained = [f"data/train/{recipe}" for recipe in params()["recipes"]]
    distilled = [predicted_in(name).as_posix() for name in ON_BOARD]
    assert listed == [f"{folder}/predictions.parquet" for folder in (*trained, *distilled)]


def test_every_artifact_is_an_output_of_a_stage() -> None:
    """Or lies in one; and every recipe that is fitted has one, but not one that is only asked."""
    artifacts = yaml.safe_load((ROOT / "dvc.yaml").read_text())["artifacts"]
    outputs = {out.def_path for stage in stages().values() for out in stage.outs}
    for name, artifact in artifacts.items():
        check_name_format(name)
        path = Path(artifact["path"])
        assert {str(path), *map(str, path.parents)} & outputs, name
        assert artifact["type"] == "model" and artifact["desc"].endswith("."), name
        assert artifact["labels"], name
    shown = {artifact["path"] for artifact in artifacts.values()}
    floors = {"majority", "one_vital", "previous_diagnoses", "oracle", "attainable"}
    for recipe in set(params()["recipes"]) - floors - {"triage_fewshot"}:
        assert f"data/train/{recipe}" in shown
    exported = [f"data/distill/students/export/{task}" for task in params()["distill"]["tasks"]]
    assert set(exported) <= shown


def test_everything_derived_from_the_source_goes_to_the_source_s_remote() -> None:
    for name, stage in stages().items():
        for out in stage.outs:
            if out.use_cache:
                assert out.remote == params()["raw"]["remote"], f"{name}: {out.def_path}"


def test_only_the_truth_recipes_read_the_truth() -> None:
    for name, stage in stages().items():
        reads = [dep.def_path for dep in stage.deps]
        truth = "data/tables/truth.parquet" in reads
        assert truth == (name in ("train@oracle", "train@attainable")), name


def test_the_lock_has_no_stage_that_dvc_yaml_has_not() -> None:
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    assert set(lock["stages"]) == set(names_in(MAIN))


def test_dvc_reads_its_lock_in_c() -> None:
    """ruamel.yaml goes on without a word where its C parser is not found; each stage then waits."""
    assert YAML(typ="safe").Parser.__name__ == "CParser"


def test_no_stage_of_the_pipeline_waits_for_a_search() -> None:
    """Else `dvc repro` would start one."""
    searched = {out.def_path for name in names_in(SEARCHES) for out in stages()[name].outs}
    assert searched
    for name in names_in(MAIN):
        for dep in stages()[name].deps:
            assert not any(str(dep.def_path).startswith(out) for out in searched), name
    for name in names_in(SEARCHES):
        assert not stages()[name].frozen and stages()[name].addressing.startswith(str(SEARCHES))


def test_a_search_depends_on_the_parameters_and_files_that_train_reads() -> None:
    for name in names_in(SEARCHES):
        space = params()["tune"]["spaces"][name.partition("@")[2]]
        trained = f"train@{space['recipe']}"
        mine, theirs = ({str(dep.def_path) for dep in stages()[n].deps} for n in (name, trained))
        assert theirs - mine <= {"stages/train.py", "params.yaml"}, name
        ours = set(declared_params(name, pipeline(SEARCHES), params()))
        needed = set(declared_params(trained, pipeline(MAIN), params()))
        assert needed - ours == {"train.tasks", "train.explained"}, name
