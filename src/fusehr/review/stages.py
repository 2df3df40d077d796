"""Which stages had to run, why, and how large what they left is: the two dvc.lock compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fusehr.review.versions import Version


@dataclass(frozen=True)
class ChangedStage:
    """A stage whose entry in dvc.lock differs.

    `because`: its command, parameters and inputs that differ, none where a version has no such
    stage; `outputs`: those that differ; sizes of all its outputs in bytes, None where a version has
    no such stage.
    """

    name: str
    because: tuple[str, ...]
    outputs: tuple[str, ...]
    size_base: int | None
    size_head: int | None


def changed_stages(base: Version, head: Version) -> list[ChangedStage]:
    """Stages in the order of the head's dvc.lock, those that it has no more last."""
    then, now = base.lock.get("stages", {}), head.lock.get("stages", {})
    return [
        _changed(name, then.get(name, {}), now.get(name, {}))
        for name in dict.fromkeys([*now, *then])
        if then.get(name) != now.get(name)
    ]


def _changed(name: str, then: dict[str, Any], now: dict[str, Any]) -> ChangedStage:
    return ChangedStage(
        name,
        because=_reasons(then, now) if then and now else (),
        outputs=_differing(_hashes(then, "outs"), _hashes(now, "outs")),
        size_base=_size(then),
        size_head=_size(now),
    )


def _reasons(then: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(["its command"] if then["cmd"] != now["cmd"] else []),
        *_differing(_params(then), _params(now)),
        *_differing(_hashes(then, "deps"), _hashes(now, "deps")),
    )


def _differing(then: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in then.keys() | now if then.get(name) != now.get(name)))


def _hashes(stage: dict[str, Any], kind: str) -> dict[str, Any]:
    return {entry["path"]: entry.get("md5") for entry in stage.get(kind, [])}


def _params(stage: dict[str, Any]) -> dict[str, Any]:
    """Values of the sections that the stage reads, by the dotted path of each single one."""
    return dict(
        leaf
        for sections in stage.get("params", {}).values()
        for name, value in sections.items()
        for leaf in _leaves(name, value)
    )


def _leaves(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(f"{name}.{key}", inner)


def _size(stage: dict[str, Any]) -> int | None:
    return sum(out.get("size", 0) for out in stage.get("outs", [])) if stage else None
