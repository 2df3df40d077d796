"""The MIMIC-IV tables that the pipeline reads, with their columns.

Every source of this form, synthetic or real, brings these files; `raw` checks them while it hashes
them and writes an empty one, header only, where a source has none. `tables` therefore never asks
which of them it reads. A few tables are additional: MIMIC-IV has no nursing or progress notes and
no knowledge graph; whoever has them lays them beside, in MIMIC-IV-Note's columns and in PrimeKG's.
`note/own_notes` holds what raw.notes_file brings. MIMIC-III's tables are in `mimic3_layout`.

Columns stand in the order of MIMIC-IV 2.2, MIMIC-IV-ED 2.2, MIMIC-IV-Note 2.2 and MIMIC-CXR-JPG
2.0.0 (https://mimic.mit.edu/docs/iv/), and of PrimeKG (https://doi.org/10.7910/DVN/IXA7BM). Names
are compared without regard to case, as SQL does: releases differ there (`ORIGINALRATE` in
`icu/procedureevents` of 2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fusehr.core.frame.errors import InputError

Part = Literal["hosp", "icu", "ed", "note", "cxr", "kg", "mimic3"]

REQUIRED_PARTS: tuple[Part, ...] = ("hosp", "icu")  # MIMIC-IV itself; the others are own projects
OPTIONAL_PARTS: tuple[Part, ...] = ("ed", "note", "cxr", "kg")

# Who entered a row. Releases before 2.2 lack these columns and no stage reads them, so that a table
# without them is whole.
PROVENANCE = frozenset({"admit_provider_id", "order_provider_id", "caregiver_id"})


@dataclass(frozen=True)
class MimicTable:
    """One table: the part of MIMIC it belongs to, its name, and its columns in the file's order.

    additional: no release of MIMIC has it.
    """

    part: Part
    name: str
    columns: tuple[str, ...]
    additional: bool = False

    @property
    def key(self) -> str:
        """Name across parts, for example `hosp/patients`."""
        return f"{self.part}/{self.name}"

    @property
    def file(self) -> str:
        """Path below data/raw, with forward slashes."""
        return f"{self.key}.csv.gz"

    def missing_columns(self, header: Sequence[str]) -> list[str]:
        """Required columns that `header` lacks, in the table's order."""
        found = {name.strip().lower() for name in header}
        return [
            name for name in self.columns if name.lower() not in found and name not in PROVENANCE
        ]


def _table(part: Part, name: str, columns: str, additional: bool = False) -> MimicTable:
    return MimicTable(part, name, tuple(columns.split()), additional)


_NOTE = "note_id subject_id hadm_id note_type note_seq charttime storetime text"

# What CheXpert's labeler looks for in a report: 1 present, 0 absent, -1 uncertain, empty where it
# is not mentioned.
CHEXPERT_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)

TABLES: tuple[MimicTable, ...] = (
    _table("hosp", "patients", "subject_id gender anchor_age anchor_year anchor_year_group dod"),
    _table(
        "hosp",
        "admissions",
        """subject_id hadm_id admittime dischtime deathtime admission_type admit_provider_id
        admission_location discharge_location insurance language marital_status race edregtime
        edouttime hospital_expire_flag""",
    ),
    _table("hosp", "transfers", "subject_id hadm_id transfer_id eventtype careunit intime outtime"),
    _table("hosp", "diagnoses_icd", "subject_id hadm_id seq_num icd_code icd_version"),
    _table("hosp", "procedures_icd", "subject_id hadm_id seq_num chartdate icd_code icd_version"),
    _table(
        "hosp",
        "prescriptions",
        """subject_id hadm_id pharmacy_id poe_id poe_seq order_provider_id starttime stoptime
        drug_type drug formulary_drug_cd gsn ndc prod_strength form_rx dose_val_rx dose_unit_rx
        form_val_disp form_unit_disp doses_per_24_hrs route""",
    ),
    _table(
        "hosp",
        "labevents",
        """labevent_id subject_id hadm_id specimen_id itemid order_provider_id charttime storetime
        value valuenum valueuom ref_range_lower ref_range_upper flag priority comments""",
    ),
    _table(
        "hosp",
        "microbiologyevents",
        """microevent_id subject_id hadm_id micro_specimen_id order_provider_id chartdate charttime
        spec_itemid spec_type_desc test_seq storedate storetime test_itemid test_name org_itemid
        org_name isolate_num quantity ab_itemid ab_name dilution_text dilution_comparison
        dilution_value interpretation comments""",
    ),
    _table("hosp", "d_icd_diagnoses", "icd_code icd_version long_title"),
    _table("hosp", "d_icd_procedures", "icd_code icd_version long_title"),
    _table("hosp", "d_labitems", "itemid label fluid category"),
    _table(
        "icu",
        "icustays",
        "subject_id hadm_id stay_id first_careunit last_careunit intime outtime los",
    ),
    _table(
        "icu",
        "chartevents",
        """subject_id hadm_id stay_id caregiver_id charttime storetime itemid value valuenum
        valueuom warning""",
    ),
    _table(
        "icu",
        "inputevents",
        """subject_id hadm_id stay_id caregiver_id starttime endtime storetime itemid amount
        amountuom rate rateuom orderid linkorderid ordercategoryname secondaryordercategoryname
        ordercomponenttypedescription ordercategorydescription patientweight totalamount
        totalamountuom isopenbag continueinnextdept statusdescription originalamount
        originalrate""",
    ),
    _table(
        "icu",
        "procedureevents",
        """subject_id hadm_id stay_id caregiver_id starttime endtime storetime itemid value
        valueuom location locationcategory orderid linkorderid ordercategoryname
        ordercategorydescription patientweight isopenbag continueinnextdept statusdescription
        ORIGINALAMOUNT ORIGINALRATE""",
    ),
    _table(
        "icu",
        "d_items",
        """itemid label abbreviation linksto category unitname param_type lownormalvalue
        highnormalvalue""",
    ),
    _table(
        "ed",
        "edstays",
        "subject_id hadm_id stay_id intime outtime gender race arrival_transport disposition",
    ),
    _table(
        "ed",
        "triage",
        """subject_id stay_id temperature heartrate resprate o2sat sbp dbp pain acuity
        chiefcomplaint""",
    ),
    _table(
        "ed",
        "vitalsign",
        """subject_id stay_id charttime temperature heartrate resprate o2sat sbp dbp rhythm
        pain""",
    ),
    _table("note", "discharge", _NOTE),
    _table("note", "radiology", _NOTE),
    _table("note", "nursing", _NOTE, additional=True),
    _table("note", "progress", _NOTE, additional=True),
    _table(
        "note",
        "own_notes",
        "note_id patient_id hadm_id time available_time kind text",
        additional=True,
    ),
    _table(
        "cxr",
        "metadata",
        """dicom_id subject_id study_id PerformedProcedureStepDescription ViewPosition Rows Columns
        StudyDate StudyTime ProcedureCodeSequence_CodeMeaning ViewCodeSequence_CodeMeaning
        PatientOrientationCodeSequence_CodeMeaning""",
    ),
    MimicTable("cxr", "chexpert", ("subject_id", "study_id", *CHEXPERT_FINDINGS)),
    _table(
        "kg",
        "kg",
        """relation display_relation x_index x_id x_type x_name x_source y_index y_id y_type y_name
        y_source""",
        additional=True,
    ),
    _table(
        "kg",
        "disease_features",
        """node_index mondo_id mondo_name group_id_bert group_name_bert mondo_definition
        umls_description orphanet_definition orphanet_prevalence orphanet_epidemiology
        orphanet_clinical_description orphanet_management_and_treatment mayo_symptoms mayo_causes
        mayo_risk_factors mayo_complications mayo_prevention mayo_see_doc""",
        additional=True,
    ),
)


def table(key: str, tables: Iterable[MimicTable] = TABLES) -> MimicTable:
    """That of `tables` named, for example, `hosp/patients`; InputError lists the known ones."""
    by_key = {one.key: one for one in tables}
    try:
        return by_key[key]
    except KeyError:
        raise InputError(f"{key}: expected one of {', '.join(by_key)}") from None
