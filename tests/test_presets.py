"""Presets: what is printed sets what params.yaml says, in Hydra's grammar and in the shell's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.params import lookup
from fusehr.presets import preset_options

ROOT = Path(__file__).parents[1]
PRESETS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "params.yaml").read_text())["presets"]


def overrides(words: list[str]) -> list[str]:
    assert set(words[::2]) == {"-S"}
    return words[1::2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return tmp_path


def with_preset(root: Path, **content: Any) -> Path:
    """params.yaml with a preset `mine`; dots as double underscores."""
    tree = yaml.safe_load((root / "params.yaml").read_text())
    tree["presets"]["mine"] = {path.replace("__", "."): value for path, value in content.items()}
    (root / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return root


@pytest.mark.parametrize("name", PRESETS)
def test_dvc_sets_what_the_preset_says_and_nothing_else(name: str, root: Path) -> None:
    before = yaml.safe_load((root / "params.yaml").read_text())
    said = overrides(preset_options(root, name))
    apply_overrides(root / "params.yaml", said)
    after = yaml.safe_load((root / "params.yaml").read_text())
    for path, value in PRESETS[name].items():
        if path != "like":
            assert lookup(after, path) == value
            assert type(lookup(after, path)) is type(value)
    for override in said:
        path = override.partition("=")[0].removeprefix("++")
        *parents, last = path.split(".")
        lookup(before, ".".join(parents))[last] = lookup(after, path)
    assert after == before


@pytest.mark.parametrize("name", PRESETS)
def test_the_shell_hands_the_words_on_as_they_are(name: str, tmp_path: Path) -> None:
    words = preset_options(ROOT, name)
    (tmp_path / "words").write_text(" ".join(words))
    script = 'for word in $(cat words); do printf "%s\\n" "$word"; done'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == words


def test_a_preset_starts_from_the_one_it_is_like(root: Path) -> None:
    published, of_2026 = (
        dict(word.split("=", 1) for word in overrides(preset_options(root, name)))
        for name in ("emerge_published", "emerge_2026")
    )
    assert published["recipes.emerge.tokens"] == "false"
    assert of_2026["recipes.emerge.tokens"] == "true"
    assert of_2026["embed.encoder"] == '"hf:yikuan8/Clinical-Longformer"'
    assert of_2026["model.d_model"] == published["model.d_model"] == "128"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model__width": 3}, "model.width: expected a value, found none"),
        ({"model__d_model": "64"}, "params.yaml: model.d_model: "),
        ({"model__heads": 7}, "params.yaml: model: d_model 64 is not divisible by heads 7"),
        ({"recipes__emerge__text_fusion": "sum"}, "recipes.emerge.text_fusion: "),
        ({"raw__source": "mimic5"}, "raw.source: expected one of synthetic, "),
        ({"raw__synthetic__patients": -1}, "raw.synthetic.patients: "),
        ({"model__notes": 3}, "expected the parameter to be a single value or a list"),
        ({"model__d_model": {"a": 1}}, "expected a value to be a single value or a list"),
        ({"embed__gradio__model": "a b"}, "model: expected a value without white space"),
        ({"like": "nothing"}, "presets.mine.like: expected one of emerge_published, "),
        ({"like": "mine"}, "presets.mine.like: expected another preset, found mine"),
        ({"presets__mine": 1}, "presets.mine: "),
    ],
)
def test_what_cannot_be_set_is_named(content: dict[str, Any], message: str, root: Path) -> None:
    with pytest.raises(InputError) as caught:
        preset_options(with_preset(root, **content), "mine")
    assert message in str(caught.value)
    assert "presets.mine" in str(caught.value)


def test_an_unknown_preset_names_the_known(root: Path) -> None:
    with pytest.raises(
        InputError, match=r"presets: expected one of emerge_published, .*found other"
    ):
        preset_options(root, "other")


def test_a_setting_inside_a_list(root: Path) -> None:
    words = preset_options(with_preset(root, recipes__emerge__variables__1="creatinine"), "mine")
    assert words == ["-S", 'recipes.emerge.variables.1="creatinine"']
    apply_overrides(root / "params.yaml", overrides(words))
    after = yaml.safe_load((root / "params.yaml").read_text())
    assert after["recipes"]["emerge"]["variables"][:3] == ["capillary_refill", "creatinine", "fio2"]
