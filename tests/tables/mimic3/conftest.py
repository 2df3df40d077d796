"""One hospital, written in MIMIC-III's layout and in MIMIC-IV's.

A table is text: a line of column names, then a line a row, cells between bars. Columns that it does
not name are empty.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fusehr.core import mimic3_layout, mimic_layout
from fusehr.core.mimic_files import Manifest
from fusehr.core.mimic_layout import MimicTable
from fusehr.core.params.raw import Mimic3Params, NotesFileParams
from fusehr.raw import manifest, mimic3, own_notes
from fusehr.tables.convert import convert

# 1: MetaVision, comes back within 30 days. 2: CareVue, over 89, dies. 3: a newborn. 4: dies, and an
# organ donor's account follows. 5: CareVue, sent to a hospice.
MIMIC3 = {
    "patients": """
        subject_id|gender|dob|dod|expire_flag
        1|F|2090-05-02 00:00:00||0
        2|M|1860-07-01 00:00:00|2160-07-09 00:00:00|1
        3|F|2140-01-01 00:00:00||0
        4|M|2100-03-03 00:00:00|2150-01-04 00:00:00|1
        5|F|2080-12-31 00:00:00||0
        """,
    "admissions": """
        subject_id|hadm_id|admittime|dischtime|deathtime|admission_type|admission_location|\
discharge_location|edregtime|diagnosis|hospital_expire_flag|has_chartevents_data
        1|101|2150-05-01 10:00:00|2150-05-09 12:00:00||EMERGENCY|EMERGENCY ROOM ADMIT|HOME|\
2150-05-01 06:30:00|SEPSIS|0|1
        1|102|2150-05-20 09:00:00|2150-05-22 09:00:00||URGENT|PHYS REFERRAL/NORMAL DELI|SNF||\
FEVER|0|0
        1|103|2152-01-03 09:00:00|2152-01-05 09:00:00||ELECTIVE|PHYS REFERRAL/NORMAL DELI|HOME||X|\
0|0
        2|201|2160-07-01 06:00:00|2160-07-09 00:00:00|2160-07-09 14:00:00|EMERGENCY|\
EMERGENCY ROOM ADMIT|DEAD/EXPIRED||PNEUMONIA|1|1
        3|301|2140-01-01 01:00:00|2140-01-05 09:00:00||NEWBORN|PHYS REFERRAL/NORMAL DELI|HOME||\
NEWBORN|0|1
        4|401|2150-01-01 01:00:00|2150-01-04 09:00:00|2150-01-04 09:00:00|EMERGENCY|\
EMERGENCY ROOM ADMIT|DEAD/EXPIRED||TRAUMA|1|0
        4|402|2150-01-04 10:00:00|2150-01-04 20:00:00|2150-01-04 20:00:00|URGENT|\
TRANSFER FROM HOSP/EXTRAM|DEAD/EXPIRED||ORGAN DONOR ACCOUNT|1|0
        5|501|2150-02-01 06:00:00|2150-02-05 00:00:00||EMERGENCY|EMERGENCY ROOM ADMIT|\
HOSPICE-HOME||X|0|1
        """,
    "icustays": """
        subject_id|hadm_id|icustay_id|dbsource|first_careunit|intime|outtime
        1|101|1001|metavision|MICU|2150-05-01 12:00:00|2150-05-05 12:00:00
        2|201|2001|carevue|CCU|2160-07-01 08:00:00|2160-07-09 15:00:00
        3|301|3001|carevue|NICU|2140-01-01 02:00:00|2140-01-04 02:00:00
        5|501|5001|carevue|MICU|2150-02-01 08:00:00|2150-02-04 15:00:00
        """,
    "diagnoses_icd": """
        subject_id|hadm_id|seq_num|icd9_code
        1|101|1|4280
        1|101|2|
        2|201|1|0389
        """,
    "procedures_icd": """
        subject_id|hadm_id|seq_num|icd9_code
        2|201|1|9604
        """,
    "d_icd_diagnoses": """
        row_id|icd9_code|short_title|long_title
        1|4280|CHF NOS|Congestive heart failure, unspecified
        2|0389|Septicemia NOS|Unspecified septicemia
        """,
    "d_icd_procedures": """
        row_id|icd9_code|short_title|long_title
        1|9604|Insert endotracheal tube|Insertion of endotracheal tube
        """,
    "prescriptions": """
        subject_id|hadm_id|icustay_id|startdate|enddate|drug_type|drug
        1|101|1001|2150-05-01 00:00:00|2150-05-04 00:00:00|MAIN|Furosemide
        2|201||2160-07-02 00:00:00|2160-07-01 00:00:00|MAIN|Heparin
        3|301||2140-01-02 00:00:00||MAIN|Ampicillin
        """,
    "labevents": """
        subject_id|hadm_id|itemid|charttime|value|valuenum|valueuom
        1|101|50912|2150-05-01 08:00:00|1.8|1.8|mg/dL
        1||50912|2150-05-03 11:30:00|2.4|2.4|mg/dL
        2|201|51003|2160-07-02 06:00:00|<0.01||ng/mL
        2|201|51237|2160-07-02 06:00:00|1.9|1.9|
        3|301|50912|2140-01-01 08:00:00|0.4|0.4|mg/dL
        """,
    "microbiologyevents": """
        subject_id|hadm_id|chartdate|charttime|spec_type_desc|org_name
        1|101|2150-05-01 00:00:00|2150-05-01 09:00:00|BLOOD CULTURE|ESCHERICHIA COLI
        2|201|2160-07-02 00:00:00||URINE|
        """,
    "chartevents": """
        subject_id|hadm_id|icustay_id|itemid|charttime|storetime|value|valuenum|valueuom|error
        1|101|1001|220045|2150-05-01 13:00:00|2150-05-01 13:10:00|112|112|bpm|0
        1|101|1001|220045|2150-05-01 13:00:00|2150-05-01 13:10:00|112|112|bpm|0
        1|101|1001|220045|2150-05-01 14:00:00|2150-05-01 14:10:00|20|20|bpm|1
        1|101|1001|223761|2150-05-01 13:00:00|2150-05-01 13:10:00|101.3|101.3|?F|0
        1|101|1001|223835|2150-05-01 13:00:00|2150-05-01 13:10:00|40|40||0
        1|101|1001|220739|2150-05-01 13:00:00|2150-05-01 13:10:00|Spontaneously|4||0
        1|101|1001|223900|2150-05-01 13:00:00|2150-05-01 13:20:00|Oriented|5||0
        1|101|1001|223901|2150-05-01 13:00:00|2150-05-01 13:10:00|Obeys Commands|6||0
        1|101|1001|226531|2150-05-01 13:00:00|2150-05-01 13:10:00|150|150||0
        1|101|1001|223951|2150-05-01 13:00:00|2150-05-01 13:10:00|Abnormal >3 Seconds|||0
        2|201|2001|211|2160-07-02 08:00:00|2160-07-02 08:05:00|88|88|BPM|
        2|201|2001|51|2160-07-02 08:00:00|2160-07-02 08:05:00|120|120|mmHg|
        2|201|2001|8368|2160-07-02 08:00:00|2160-07-02 08:05:00|61|61|mmHg|
        2|201|2001|456|2160-07-02 08:00:00|2160-07-02 08:05:00|81|81|mmHg|
        2|201|2001|646|2160-07-02 08:00:00|2160-07-02 08:05:00|93|93|%|
        2|201|2001|618|2160-07-02 08:00:00|2160-07-02 08:05:00|22|22|BPM|
        2|201|2001|678|2160-07-02 08:00:00|2160-07-02 08:05:00|101.3|101.3|Deg. F|
        2|201|2001|676|2160-07-02 09:00:00|2160-07-02 09:05:00|37.5|37.5|Deg. C|
        2|201|2001|3420|2160-07-02 08:00:00|2160-07-02 08:05:00|40|40|%|
        2|201|2001|190|2160-07-02 09:00:00|2160-07-02 09:05:00|.5|0.5|torr|
        2|201|2001|184|2160-07-02 08:00:00|2160-07-02 08:05:00|3 To speech||points|
        2|201|2001|723|2160-07-02 08:00:00|2160-07-02 08:05:00|1.0 ET/Trach|1|points|
        2|201|2001|454|2160-07-02 08:00:00|2160-07-02 08:05:00|6 Obeys Commands||points|
        2|201|2001|198|2160-07-02 08:00:00|2160-07-02 08:05:00|10|10|points|
        2|201|2001|198|2160-07-02 12:00:00|2160-07-02 12:05:00|15|15|points|
        2|201|2001|3348|2160-07-02 08:00:00|2160-07-02 08:05:00|Brisk|||
        2|201|2001|115|2160-07-02 09:00:00|2160-07-02 09:05:00|Delayed|||
        2|201|2001|8377|2160-07-02 10:00:00|2160-07-02 10:05:00|Normal <3 secs|||
        2|201|2001|763|2160-07-02 08:00:00|2160-07-02 08:05:00|70|70|kg|
        2|201|2001|3581|2160-07-02 09:00:00|2160-07-02 09:05:00|150|150|lb|
        2|201|2001|3582|2160-07-02 10:00:00|2160-07-02 10:05:00|2400|2400|oz|
        2|201|2001|1394|2160-07-02 08:00:00|2160-07-02 08:05:00|65|65||
        2|201|2001|780|2160-07-02 08:00:00|2160-07-02 08:05:00|7.31|7.31|units|
        2|201|2001|807|2160-07-02 08:00:00|2160-07-02 08:05:00|140|140||
        2|201||211|2160-07-02 11:00:00|2160-07-02 11:05:00|90|90|BPM|
        2|201|2001|1125|2160-07-02 11:00:00|2160-07-02 11:05:00|CCU|||
        2|201|2001|467|2160-07-03 06:00:00|2160-07-03 06:05:00|Face Tent|||
        2|201|2001|720|2160-07-03 08:00:00|2160-07-03 08:05:00|Other/Remarks|||
        2|201|2001|720|2160-07-03 09:00:00|2160-07-03 09:05:00|Assist Control|||
        2|201|2001|682|2160-07-03 13:00:00|2160-07-03 13:05:00|500|500|ml/B|
        2|201|2001|505|2160-07-03 17:00:00|2160-07-03 17:05:00|5|5|cmH2O|1
        2|201|2001|640|2160-07-03 18:00:00|2160-07-03 18:05:00|Extubated|||
        2|201|2001|467|2160-07-03 19:00:00|2160-07-03 19:05:00|Ventilator|||
        3|301|3001|211|2140-01-01 13:00:00|2140-01-01 13:05:00|140|140|BPM|
        5|501|5001|211|2150-02-01 13:00:00|2150-02-01 13:05:00|70|70|BPM|
        """,
    "inputevents_mv": """
        subject_id|hadm_id|icustay_id|starttime|endtime|itemid|rate|rateuom|statusdescription
        1|101|1001|2150-05-03 10:00:00|2150-05-03 11:00:00|221906|0.1|mcg/kg/min|ChangeDose/Rate
        1|101|1001|2150-05-03 11:00:00|2150-05-03 14:00:00|221906|0.2|mcg/kg/min|FinishedRunning
        1|101|1001|2150-05-03 11:00:00|2150-05-04 14:00:00|221906|0.2|mcg/kg/min|Rewritten
        """,
    "inputevents_cv": """
        subject_id|hadm_id|icustay_id|charttime|itemid|rate|rateuom|stopped
        2|201|2001|2160-07-03 10:00:00|30120|0.1|mcgkgmin|
        2|201|2001|2160-07-03 11:00:00|30120|0.2|mcgkgmin|
        2|201|2001|2160-07-03 12:00:00|30120|||
        2|201|2001|2160-07-03 13:00:00|30120|0.2|mcgkgmin|D/C'd
        2|201|2001|2160-07-03 14:00:00|30120|0|mcgkgmin|
        2|201|2001|2160-07-04 10:00:00|30051|2.4|Uhr|
        2|201|2001|2160-07-05 10:00:00|30042|5|mcgkgmin|
        """,
    "procedureevents_mv": """
        subject_id|hadm_id|icustay_id|starttime|endtime|itemid|value|valueuom|statusdescription
        1|101|1001|2150-05-03 06:00:00|2150-05-03 20:00:00|225792|840|min|FinishedRunning
        """,
    "noteevents": """
        row_id|subject_id|hadm_id|chartdate|charttime|storetime|category|description|iserror|text
        11|1|101|2150-05-09|||Discharge summary|Report||Doing well.
        12|1|101|2150-05-01|2150-05-01 11:00:00||Radiology|CHEST (PORTABLE AP)||No effusion.
        13|1|101|2150-05-02|2150-05-02 07:00:00|2150-05-02 07:30:00|Nursing|Nursing Progress Note|\
|Slept well.
        14|2|201|2160-07-02|2160-07-02 05:00:00||Nursing/other|Report||Pt "stable".
        15|2|201|2160-07-03|2160-07-03 09:00:00|2160-07-03 10:00:00|Physician |Progress Note||\
Septic shock.
        16|2|201|2160-07-03|2160-07-03 09:30:00|2160-07-03 10:00:00|Physician |Progress Note|1|\
Wrong patient.
        17|2|201|2160-07-03|||ECG|Report||Sinus rhythm.
        18|3|301|2140-01-02|2140-01-02 05:00:00||Nursing/other|Report||Feeding well.
        """,
}

# The same as MIMIC-IV would have it, of the four adults: what is charted alone by CareVue becomes
# MetaVision's item, and what MIMIC-III does not tell is not told here either.
MIMIC4 = {
    "hosp/patients": """
        subject_id|gender|anchor_age|anchor_year|anchor_year_group|dod
        1|F|59|2150|2011 - 2013|
        2|M|91|2160|2011 - 2013|2160-07-09
        4|M|49|2150|2011 - 2013|2150-01-04
        5|F|69|2150|2011 - 2013|
        """,
    "hosp/admissions": """
        subject_id|hadm_id|admittime|dischtime|deathtime|admission_type|admission_location|\
discharge_location|edregtime|hospital_expire_flag
        1|101|2150-05-01 10:00:00|2150-05-09 12:00:00||EW EMER.|EMERGENCY ROOM|HOME|\
2150-05-01 06:30:00|0
        1|102|2150-05-20 09:00:00|2150-05-22 09:00:00||URGENT|PHYSICIAN REFERRAL|\
SKILLED NURSING FACILITY||0
        1|103|2152-01-03 09:00:00|2152-01-05 09:00:00||ELECTIVE|PHYSICIAN REFERRAL|HOME||0
        2|201|2160-07-01 06:00:00|2160-07-09 00:00:00|2160-07-09 14:00:00|EW EMER.|EMERGENCY ROOM|\
DIED||1
        4|401|2150-01-01 01:00:00|2150-01-04 09:00:00|2150-01-04 09:00:00|EW EMER.|EMERGENCY ROOM|\
DIED||1
        5|501|2150-02-01 06:00:00|2150-02-05 00:00:00||EW EMER.|EMERGENCY ROOM|HOSPICE||0
        """,
    "icu/icustays": """
        subject_id|hadm_id|stay_id|intime|outtime
        1|101|1001|2150-05-01 12:00:00|2150-05-05 12:00:00
        2|201|2001|2160-07-01 08:00:00|2160-07-09 15:00:00
        5|501|5001|2150-02-01 08:00:00|2150-02-04 15:00:00
        """,
    "hosp/diagnoses_icd": """
        subject_id|hadm_id|seq_num|icd_code|icd_version
        1|101|1|4280|9
        2|201|1|0389|9
        """,
    "hosp/procedures_icd": """
        subject_id|hadm_id|seq_num|icd_code|icd_version
        2|201|1|9604|9
        """,
    "hosp/prescriptions": """
        subject_id|hadm_id|starttime|stoptime|drug_type|drug
        1|101|2150-05-02 00:00:00|2150-05-05 00:00:00|MAIN|Furosemide
        """,
    "hosp/labevents": """
        subject_id|itemid|charttime|valuenum|valueuom
        1|50912|2150-05-01 08:00:00|1.8|mg/dL
        1|50912|2150-05-03 11:30:00|2.4|mg/dL
        2|51237|2160-07-02 06:00:00|1.9|
        """,
    "hosp/microbiologyevents": """
        subject_id|charttime|org_name
        1|2150-05-01 09:00:00|ESCHERICHIA COLI
        """,
    "icu/chartevents": """
        subject_id|hadm_id|stay_id|itemid|charttime|storetime|value|valuenum|valueuom
        1|101|1001|220045|2150-05-01 13:00:00|2150-05-01 13:10:00|112|112|bpm
        1|101|1001|223761|2150-05-01 13:00:00|2150-05-01 13:10:00|101.3|101.3|°F
        1|101|1001|223835|2150-05-01 13:00:00|2150-05-01 13:10:00|40|40|
        1|101|1001|220739|2150-05-01 13:00:00|2150-05-01 13:10:00|Spontaneously|4|
        1|101|1001|223900|2150-05-01 13:00:00|2150-05-01 13:20:00|Oriented|5|
        1|101|1001|223901|2150-05-01 13:00:00|2150-05-01 13:10:00|Obeys Commands|6|
        1|101|1001|226531|2150-05-01 13:00:00|2150-05-01 13:10:00|150|150|
        1|101|1001|223951|2150-05-01 13:00:00|2150-05-01 13:10:00|Abnormal >3 Seconds||
        2|201|2001|220045|2160-07-02 08:00:00|2160-07-02 08:05:00|88|88|bpm
        2|201|2001|220050|2160-07-02 08:00:00|2160-07-02 08:05:00|120|120|mmHg
        2|201|2001|220051|2160-07-02 08:00:00|2160-07-02 08:05:00|61|61|mmHg
        2|201|2001|220181|2160-07-02 08:00:00|2160-07-02 08:05:00|81|81|mmHg
        2|201|2001|220277|2160-07-02 08:00:00|2160-07-02 08:05:00|93|93|%
        2|201|2001|220210|2160-07-02 08:00:00|2160-07-02 08:05:00|22|22|insp/min
        2|201|2001|223761|2160-07-02 08:00:00|2160-07-02 08:05:00|101.3|101.3|°F
        2|201|2001|223762|2160-07-02 09:00:00|2160-07-02 09:05:00|37.5|37.5|°C
        2|201|2001|223835|2160-07-02 08:00:00|2160-07-02 08:05:00|40|40|
        2|201|2001|223835|2160-07-02 09:00:00|2160-07-02 09:05:00|0.5|0.5|
        2|201|2001|220739|2160-07-02 08:00:00|2160-07-02 08:05:00|To Speech|3|
        2|201|2001|223900|2160-07-02 08:00:00|2160-07-02 08:05:00|No Response-ETT|1|
        2|201|2001|223901|2160-07-02 08:00:00|2160-07-02 08:05:00|Obeys Commands|6|
        2|201|2001|223951|2160-07-02 08:00:00|2160-07-02 08:05:00|Normal <3 Seconds||
        2|201|2001|223951|2160-07-02 09:00:00|2160-07-02 09:05:00|Abnormal >3 Seconds||
        2|201|2001|223951|2160-07-02 10:00:00|2160-07-02 10:05:00|Normal <3 Seconds||
        2|201|2001|224639|2160-07-02 08:00:00|2160-07-02 08:05:00|70|70|kg
        2|201|2001|226531|2160-07-02 09:00:00|2160-07-02 09:05:00|150|150|
        2|201|2001|226531|2160-07-02 10:00:00|2160-07-02 10:05:00|150|150|
        2|201|2001|226707|2160-07-02 08:00:00|2160-07-02 08:05:00|65|65|Inch
        2|201|2001|223830|2160-07-02 08:00:00|2160-07-02 08:05:00|7.31|7.31|units
        2|201|2001|225664|2160-07-02 08:00:00|2160-07-02 08:05:00|140|140|
        5|501|5001|220045|2150-02-01 13:00:00|2150-02-01 13:05:00|70|70|bpm
        """,
    "icu/inputevents": """
        subject_id|hadm_id|stay_id|starttime|endtime|itemid
        1|101|1001|2150-05-03 10:00:00|2150-05-03 11:00:00|221906
        1|101|1001|2150-05-03 11:00:00|2150-05-03 14:00:00|221906
        2|201|2001|2160-07-03 10:00:00|2160-07-03 13:00:00|221906
        2|201|2001|2160-07-04 10:00:00|2160-07-04 14:00:00|222315
        """,
    "icu/procedureevents": """
        subject_id|hadm_id|stay_id|starttime|endtime|itemid
        1|101|1001|2150-05-03 06:00:00|2150-05-03 20:00:00|225792
        2|201|2001|2160-07-03 09:00:00|2160-07-03 18:00:00|225792
        2|201|2001|2160-07-03 19:00:00|2160-07-04 03:00:00|225792
        """,
    "note/discharge": """
        note_id|subject_id|hadm_id|charttime|storetime|text
        11|1|101|2150-05-09 00:00:00||Doing well.
        """,
    "note/radiology": """
        note_id|subject_id|hadm_id|charttime|storetime|text
        12|1|101|2150-05-01 11:00:00||No effusion.
        """,
    "note/nursing": """
        note_id|subject_id|hadm_id|charttime|storetime|text
        13|1|101|2150-05-02 07:00:00|2150-05-02 07:30:00|Slept well.
        14|2|201|2160-07-02 05:00:00||Pt "stable".
        """,
    "note/progress": """
        note_id|subject_id|hadm_id|charttime|storetime|text
        15|2|201|2160-07-03 09:00:00|2160-07-03 10:00:00|Septic shock.
        """,
}


def whole(table: MimicTable, text: str | None, name: Callable[[str], str] = str) -> str:
    """The table as CSV with all its columns in order, each named as `name` makes it."""
    lines = [line[8:] for line in (text or "").splitlines() if line.strip()]
    header = lines[0].split("|") if lines else []
    assert set(header) <= set(table.columns), (table.key, header)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name(column) for column in table.columns])
    for line in lines[1:]:
        row = dict(zip(header, line.split("|"), strict=True))
        writer.writerow([row.get(column, "") for column in table.columns])
    return out.getvalue()


def rows(path: Path, name: str, columns: Iterable[str], where: str = "true") -> list[tuple]:
    """Rows of a table of the folder `path`, in the order of `columns`."""
    listed = ", ".join(columns)
    with duckdb.connect() as con:
        found = f"SELECT {listed} FROM '{path}/{name}.parquet' WHERE {where} ORDER BY ALL"
        return con.execute(found).fetchall()


@pytest.fixture(scope="session")
def read() -> Callable[..., list[tuple]]:
    return rows


@pytest.fixture
def hospital() -> dict[str, str]:
    """Tables of MIMIC-III by name, free to be changed."""
    return dict(MIMIC3)


def write_raw(
    root: Path,
    tables: Mapping[str, str],
    *,
    small_letters: bool = False,
    unpacked: bool = False,
    own_notes_file: str | None = None,
) -> Path:
    """MIMIC-III's files below `root`, and what the stage `raw` makes of them; that folder."""
    place, raw = root / "credentialed", root / "raw"
    for folder in (place, raw, root / "workspace"):
        folder.mkdir()
    for table in mimic3_layout.TABLES:
        text = whole(table, tables.get(table.name), str.lower if small_letters else str.upper)
        path = place / f"{table.name.upper()}.csv"
        if unpacked:
            path.write_text(text)
        else:
            path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    params = Mimic3Params(version="1.4", notes=True)
    entries = mimic3.write(raw, params, "restricted")
    if own_notes_file is not None:
        path = root / "notes.csv"
        path.write_text(own_notes_file)
        brought = own_notes.write(raw, NotesFileParams(path=str(path), kind="nursing"))
        entries = [brought, *(entry for entry in entries if entry.name != brought.name)]
    manifest.write(raw, Manifest("mimic3", True, tuple(entries), "1.4"))
    return raw


@contextmanager
def apart(root: Path) -> Iterator[None]:
    """FUSEHR_MIMIC3 names a folder below `root`; the workspace, without DVC, is beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSEHR_MIMIC3", str(root / "credentialed"))
        for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
            patch.setenv(name, str(root / "dvc-settings"))
        patch.chdir(root)
        yield


@pytest.fixture
def write_mimic3(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """The folder data/raw of a hospital in MIMIC-III's layout, as write_raw makes it."""
    with apart(tmp_path):
        yield lambda tables, **layout: write_raw(tmp_path, tables, **layout)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory, tolerant: Callable[..., Any]) -> Path:
    """Tables of the hospital in MIMIC-III's layout; metrics.json beside them."""
    root = tmp_path_factory.mktemp("mimic3")
    with apart(root):
        raw = write_raw(root, MIMIC3)
        convert(raw, root / "tables", root / "metrics.json", tolerant())
    return root / "tables"


@pytest.fixture(scope="session")
def as_mimic4(
    tmp_path_factory: pytest.TempPathFactory,
    tolerant: Callable[..., Any],
    make_hospital: Callable[..., None],
) -> Path:
    """Tables of the same hospital in MIMIC-IV's layout."""
    root = tmp_path_factory.mktemp("mimic4")
    written = {key: whole(mimic_layout.table(key), text) for key, text in MIMIC4.items()}
    make_hospital(root / "raw", written)
    convert(root / "raw", root / "tables", root / "metrics.json", tolerant())
    return root / "tables"
