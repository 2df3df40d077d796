"""The container's files agree with the service: what is copied, run, mounted and asked."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusehr import cli
from fusehr.serve.http.gatekeeper import OPEN
from fusehr.serve.http.run import KEY
from fusehr.serve.http.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["fusehr"]


def steps(name: str) -> list[str]:
    """What stands behind each instruction `name`, in order."""
    return re.findall(rf"^{name} (.*)$", FILE, re.MULTILINE)


def test_what_is_copied_is_there_and_nothing_else_is_sent() -> None:
    copied = [shlex.split(step)[:-1] for step in steps("COPY") if not step.startswith("--from")]
    names = {name for step in copied for name in step}
    ignore = (ROOT / ".dockerignore").read_text().split()
    assert ignore[0] == "*"
    assert names == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize("told", [json.loads(steps("CMD")[-1]), ["--model", "student"]])
def test_the_command_is_one_that_the_service_understands(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(cli, "_serve", seen.append)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    (entry,) = steps("ENTRYPOINT")
    monkeypatch.setattr(sys, "argv", [*json.loads(entry), *told])
    cli.main()
    (arguments,) = seen
    assert (arguments.host, arguments.model) == ("0.0.0.0", told[1])
    assert steps("EXPOSE") == [str(arguments.port)]
    assert COMPOSE["ports"] == [f"127.0.0.1:{arguments.port}:{arguments.port}"]
    address = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", steps("HEALTHCHECK")[0])
    # without a key
    assert address and int(address[1]) == arguments.port and address[2] in OPEN


def test_it_runs_without_rights_over_what_it_cannot_change() -> None:
    assert int(steps("USER")[-1]) > 0
    assert FILE.index("\nUSER ") < FILE.index("\nENTRYPOINT ")
    assert COMPOSE["read_only"] and COMPOSE["cap_drop"] == ["ALL"]
    (folder,) = (step for step in steps("WORKDIR") if step.startswith("/srv"))
    mounted = {part.split(":")[0]: part.split(":")[1:] for part in COMPOSE["volumes"]}
    assert mounted == {
        f"./{name}": [f"{folder}/{name}", "ro"] for name in ("params.yaml", "data", "plots")
    }


def test_it_asks_for_a_key_and_is_given_time_to_end() -> None:
    assert ":?" in COMPOSE["environment"][KEY]
    assert int(COMPOSE["stop_grace_period"].rstrip("s")) > Settings().timeout_s + 1
