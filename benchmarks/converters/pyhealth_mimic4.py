"""PyHealth 2.1.0 in an environment of its own: MIMIC4EHRDataset and one of its tasks.

`pyhealth_events.py` runs in that environment and says what it does. PyHealth asks for Python 3.12,
for which there is no build of torch without gigabytes of CUDA on the package index, and for
packages that MIMIC-IV does not need. It is therefore installed without its dependencies in the
Python that runs this, beside those that its import needs, at versions which it allows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("pyhealth_mimic4.txt")
SCRIPT = Path(__file__).with_name("pyhealth_events.py")
PACKAGES = ("pyhealth==2.1.0", "torchvision==0.28.0")
WORKERS = 2  # as many as tables.threads


def environment(cache: Path) -> Path:
    """The environment's bin folder, made the first time."""
    folder = cache / "pyhealth"
    if not (folder / "installed").exists():
        print(f"installing {PINS.name} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [folder / "bin/python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "-r", PINS], check=True)
        alone = [*install, "--no-deps", "--ignore-requires-python", *PACKAGES]
        subprocess.run(alone, check=True)
        (folder / "installed").touch()
    return folder / "bin"


def command(bin_folder: Path, raw: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """What is run, and its environment variables."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env["LITDATA_DISABLE_VERSION_CHECK"] = "1"  # no request to the network
    arguments = [str(bin_folder / "python"), str(SCRIPT), str(raw), str(out)]
    return [*arguments, "--workers", str(WORKERS)], env
