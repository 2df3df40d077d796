"""What an ablation asks for: benchmarks/ablations/<name>.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import frozen, read_yaml, validate
from fusehr.core.frame.tasks import Task

FOLDER = Path("benchmarks/ablations")


@frozen
class Plan:
    """recipes: trained in every variant. variants: name -> path of a parameter -> value, in the
    order of the table. against: the variant that all others are compared with. base: parameters of
    all variants. axis: what names of variants are numbers of, or nothing where they are words.
    """

    title: str
    recipes: Annotated[list[str], Field(min_length=1)]
    tasks: Annotated[list[Task], Field(min_length=1)]
    against: str
    axis: str
    base: dict[str, Any]
    variants: Annotated[dict[str, dict[str, Any]], Field(min_length=2)]

    def changes(self, variant: str) -> dict[str, Any]:
        """Path of a parameter -> value, of one variant."""
        return {"train.tasks": list(self.tasks), **self.base, **self.variants[variant]}


def scored_as(recipe: str, variant: str) -> str:
    """Name under which scores of a variant are kept."""
    return f"{recipe}:{variant}"


def load_plan(root: Path, name: str) -> Plan:
    """The plan `name`; InputError where there is none or it does not fit itself."""
    file = FOLDER / f"{name}.yaml"
    if not (root / file).is_file():
        known = sorted(path.stem for path in (root / FOLDER).glob("*.yaml"))
        raise InputError(f"{FOLDER}: expected one of {', '.join(known) or 'none'}, found {name}")
    tree = read_yaml(root / file)
    # a name such as 0.1 is a number in YAML
    if isinstance(tree.get("variants"), dict):
        tree["variants"] = {str(key): value for key, value in tree["variants"].items()}
        tree["against"] = str(tree.get("against"))
    plan = validate(tree, Plan, name, file=str(file))
    if plan.against not in plan.variants:
        raise InputError(
            f"{file}: {name}.against: expected one of {', '.join(plan.variants)}, "
            f"found {plan.against}"
        )
    if plan.axis:
        for variant in plan.variants:
            if not _is_number(variant):
                raise InputError(
                    f"{file}: {name}.variants: expected numbers, as there is an axis, "
                    f"found {variant}"
                )
    return plan


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
