"""The MIMIC-III tables that the pipeline reads, with their columns.

Columns stand in the order of MIMIC-III 1.4 (https://mimic.mit.edu/docs/iii/tables/), whose files
name them in capitals and the open demo's in small letters; names are compared without regard to
case. The part `mimic3` is a folder in the manifest alone: these files are read where they lie.
"""

from __future__ import annotations

from fusehr.core import mimic_layout
from fusehr.core.mimic_layout import MimicTable


def _table(name: str, columns: str) -> MimicTable:
    return MimicTable("mimic3", name, tuple(columns.split()))


NOTES = _table(
    "noteevents",
    """row_id subject_id hadm_id chartdate charttime storetime category description cgid iserror
    text""",
)

TABLES: tuple[MimicTable, ...] = (
    _table("patients", "row_id subject_id gender dob dod dod_hosp dod_ssn expire_flag"),
    _table(
        "admissions",
        """row_id subject_id hadm_id admittime dischtime deathtime admission_type
        admission_location discharge_location insurance language religion marital_status ethnicity
        edregtime edouttime diagnosis hospital_expire_flag has_chartevents_data""",
    ),
    _table(
        "icustays",
        """row_id subject_id hadm_id icustay_id dbsource first_careunit last_careunit first_wardid
        last_wardid intime outtime los""",
    ),
    _table("diagnoses_icd", "row_id subject_id hadm_id seq_num icd9_code"),
    _table("procedures_icd", "row_id subject_id hadm_id seq_num icd9_code"),
    _table("d_icd_diagnoses", "row_id icd9_code short_title long_title"),
    _table("d_icd_procedures", "row_id icd9_code short_title long_title"),
    _table(
        "prescriptions",
        """row_id subject_id hadm_id icustay_id startdate enddate drug_type drug drug_name_poe
        drug_name_generic formulary_drug_cd gsn ndc prod_strength dose_val_rx dose_unit_rx
        form_val_disp form_unit_disp route""",
    ),
    _table(
        "labevents",
        "row_id subject_id hadm_id itemid charttime value valuenum valueuom flag",
    ),
    _table(
        "microbiologyevents",
        """row_id subject_id hadm_id chartdate charttime spec_itemid spec_type_desc org_itemid
        org_name isolate_num ab_itemid ab_name dilution_text dilution_comparison dilution_value
        interpretation""",
    ),
    _table(
        "chartevents",
        """row_id subject_id hadm_id icustay_id itemid charttime storetime cgid value valuenum
        valueuom warning error resultstatus stopped""",
    ),
    _table(
        "inputevents_cv",
        """row_id subject_id hadm_id icustay_id charttime itemid amount amountuom rate rateuom
        storetime cgid orderid linkorderid stopped newbottle originalamount originalamountuom
        originalroute originalrate originalrateuom originalsite""",
    ),
    _table(
        "inputevents_mv",
        """row_id subject_id hadm_id icustay_id starttime endtime itemid amount amountuom rate
        rateuom storetime cgid orderid linkorderid ordercategoryname secondaryordercategoryname
        ordercomponenttypedescription ordercategorydescription patientweight totalamount
        totalamountuom isopenbag continueinnextdept cancelreason statusdescription
        comments_editedby comments_canceledby comments_date originalamount originalrate""",
    ),
    _table(
        "procedureevents_mv",
        """row_id subject_id hadm_id icustay_id starttime endtime itemid value valueuom location
        locationcategory storetime cgid orderid linkorderid ordercategoryname
        secondaryordercategoryname ordercategorydescription isopenbag continueinnextdept
        cancelreason statusdescription comments_editedby comments_canceledby comments_date""",
    ),
    NOTES,
)


def table(key: str) -> MimicTable:
    """The table named, for example, `mimic3/patients`; InputError lists the known ones."""
    return mimic_layout.table(key, TABLES)
