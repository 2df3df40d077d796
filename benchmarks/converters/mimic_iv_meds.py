"""MIMIC-IV-MEDS in an environment of its own: files to MEDS events, sharded by subject.

Its specification is used as it is shipped, less the tables that the synthetic source does not write
(drgcodes, emar, hcpcsevents, omr, pharmacy, outputevents) and less the download of concept maps
(`_metadata`), so that it has less to do than on MIMIC-IV itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

PACKAGE = "MIMIC-IV-MEDS==0.2.0"
VARIABLE = "FUSEHR_MEDS_PYTHON"  # Python 3.11 or newer; by default the one that runs this
FIND = "import MIMIC_IV_MEDS, json; print(json.dumps(list(MIMIC_IV_MEDS.__path__)))"


def environment(cache: Path) -> Path:
    """The environment's bin folder, made the first time."""
    folder = cache / "meds"
    if not (folder / "bin/meds-extract-run").exists():
        print(f"installing {PACKAGE} into {folder}", flush=True)
        python = os.environ.get(VARIABLE, sys.executable)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        command = [folder / "bin/python", "-m", "pip", "install", "--quiet", PACKAGE]
        subprocess.run(command, check=True)
    return folder / "bin"


def command(bin_folder: Path, raw: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """What is run, and its environment variables; writes the specification into `out`."""
    found = subprocess.run(
        [bin_folder / "python", "-c", FIND], check=True, capture_output=True, text=True
    )
    shipped = Path(json.loads(found.stdout)[0], "event_configs.yaml")
    spec = {
        key: block
        for key, block in yaml.safe_load(shipped.read_text()).items()
        if key != "sources" and ("/" not in key or (raw / f"{key}.csv.gz").exists())
    }
    for key, block in spec.items():
        for event in block.values() if "/" in key else ():
            if isinstance(event, dict):
                event.pop("_metadata", None)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False, width=10_000))
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env["PATH"] = f"{bin_folder}{os.pathsep}{env.get('PATH', '')}"
    arguments = [
        str(bin_folder / "meds-extract-run"),
        f"spec={path}",
        f"input_dir={raw}",
        f"output_dir={out / 'meds'}",
        "do_download=false",
        "dataset_version=synthetic",
    ]
    return arguments, env
