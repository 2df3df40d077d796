"""meds_etl's MIMIC-IV converter in an environment of its own: files to MEDS events, sharded.

`meds_etl_mimic` 0.3.11 with polars, and with its backend in C++ for sorting, the faster one and the
one that needs less memory. It reads the same files of hosp and icu as stage `tables`, but icustays:
patients, admissions, transfers, diagnoses, procedures, prescriptions, laboratory values,
microbiology, charted values, infusions and procedures of the ICU. Every row becomes an event,
whatever its item; they are sorted by patient and time. It asks for the folder of release 2.2 and
for all tables of it; the seven that the synthetic source does not write are laid beside the others
with their header alone, so that it has less to do than on MIMIC-IV.

It does not do what stage `tables` does besides: no emergency department and no notes, no units,
ranges or variables, no time at which a value was available (an event's time is its storetime), no
visits, samples or labels.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("meds_etl_mimic.txt")
RELEASE = "2.2"  # the folder that the converter looks for
THREADS = 2  # as many as tables.threads; as many shards, says its README
# MIMIC-IV's tables that it reads and the synthetic source does not write
# (https://mimic.mit.edu/docs/iv/modules/)
ABSENT = {
    "hosp/drgcodes": "subject_id,hadm_id,drg_type,drg_code,description,drg_severity,drg_mortality",
    "hosp/hcpcsevents": "subject_id,hadm_id,chartdate,hcpcs_cd,seq_num,short_description",
    "hosp/omr": "subject_id,chartdate,seq_num,result_name,result_value",
    "hosp/services": "subject_id,hadm_id,transfertime,prev_service,curr_service",
    "icu/datetimeevents": "subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,"
    "value,valueuom,warning",
    "icu/ingredientevents": "subject_id,hadm_id,stay_id,caregiver_id,starttime,endtime,storetime,"
    "itemid,amount,amountuom,rate,rateuom,orderid,linkorderid,statusdescription,originalamount,"
    "originalrate",
    "icu/outputevents": "subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,"
    "valueuom",
}


def environment(cache: Path) -> Path:
    """The environment's bin folder, made the first time."""
    folder = cache / "meds_etl"
    if not (folder / "bin/meds_etl_mimic").exists():
        print(f"installing {PINS.name} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [folder / "bin/python", "-m", "pip", "install", "--quiet", "-r", PINS]
        subprocess.run(install, check=True)
    return folder / "bin"


def command(bin_folder: Path, raw: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """What is run, and its environment variables; lays the files out as release 2.2 in `out`."""
    source = out / "source"
    for part in ("hosp", "icu"):
        folder = source / RELEASE / part
        folder.mkdir(parents=True)
        for file in sorted((raw / part).glob("*.csv.gz")):
            (folder / file.name).symlink_to(file.resolve())
    for key, header in ABSENT.items():
        path = source / RELEASE / f"{key}.csv.gz"
        if not path.exists():
            path.write_bytes(gzip.compress(f"{header}\n".encode()))
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    arguments = [str(bin_folder / "meds_etl_mimic"), str(source), str(out / "meds")]
    arguments += ["--backend", "cpp", "--num_shards", str(THREADS), "--num_proc", str(THREADS)]
    return arguments, env
