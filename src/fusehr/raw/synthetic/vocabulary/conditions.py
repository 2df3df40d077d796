"""The 25 phenotypes and other common conditions: how common, and what they go with.

Phenotypes are single-level CCS categories (Healthcare Cost and Utilization Project). Prevalences:
Harutyunyan et al., Multitask learning and benchmarking with clinical time series data, Sci Data
2019, https://doi.org/10.1038/s41597-019-0103-9, table of phenotypes. Loadings are set by hand so
that what goes together in patients does here. The codes they are billed under, with the titles of
ICD-9-CM and ICD-10-CM as MIMIC-IV has them, stand in diagnoses.csv. Apart from these, every
patient has a few of the lasting diseases of core/knowledge/diseases.csv (see latent/regimen.py).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fusehr.core.knowledge.facts import diseases
from fusehr.raw.synthetic.latent.severity import CIRCULATORY as C
from fusehr.raw.synthetic.latent.severity import RENAL as N
from fusehr.raw.synthetic.latent.severity import RESPIRATORY as R
from fusehr.raw.synthetic.latent.severity import THERMAL as T


@dataclass(frozen=True)
class Phenotype:
    """One phenotype.

    prevalence: true rate at a first visit. loadings: on the cardiovascular, respiratory and
    renal-metabolic factor. axis, coupling: how the visit's acute severity on one axis adds to the
    logit. carry: what having had it adds to the logit of a later visit.
    """

    name: str
    prevalence: float
    loadings: tuple[float, float, float]
    axis: int
    coupling: float
    carry: float


PHENOTYPES: tuple[Phenotype, ...] = (
    Phenotype("acute_renal_failure", 0.214, (0.25, 0.2, 0.9), N, 0.7, 0.6),
    Phenotype("acute_cerebrovascular_disease", 0.075, (0.4, 0.0, 0.1), T, 0.4, 0.9),
    Phenotype("acute_myocardial_infarction", 0.103, (0.8, 0.0, 0.1), C, 0.4, 0.4),
    Phenotype("cardiac_dysrhythmia", 0.321, (0.75, 0.2, 0.1), C, 0.3, 1.6),
    Phenotype("chronic_kidney_disease", 0.134, (0.45, 0.0, 1.3), N, 0.1, 3.0),
    Phenotype("copd", 0.131, (0.1, 1.2, 0.0), R, 0.1, 2.8),
    Phenotype("care_complication", 0.207, (0.1, 0.1, 0.1), C, 0.2, 0.5),
    Phenotype("conduction_disorder", 0.072, (0.7, 0.0, 0.0), C, 0.1, 1.6),
    Phenotype("congestive_heart_failure", 0.268, (1.1, 0.25, 0.35), C, 0.3, 2.2),
    Phenotype("coronary_atherosclerosis", 0.322, (1.2, 0.1, 0.2), C, 0.1, 2.6),
    Phenotype("diabetes_with_complications", 0.095, (0.35, 0.0, 1.0), N, 0.2, 2.4),
    Phenotype("diabetes_without_complication", 0.193, (0.4, 0.0, 0.5), N, 0.1, 2.4),
    Phenotype("lipid_disorder", 0.291, (0.9, -0.1, 0.25), C, 0.0, 2.4),
    Phenotype("essential_hypertension", 0.419, (0.5, 0.0, -0.3), C, 0.0, 2.0),
    Phenotype("fluid_electrolyte_disorder", 0.269, (0.1, 0.25, 0.55), N, 0.5, 0.5),
    Phenotype("gastrointestinal_hemorrhage", 0.072, (0.1, 0.1, 0.4), C, 0.3, 0.8),
    Phenotype("hypertension_with_complications", 0.133, (0.65, 0.0, 1.2), N, 0.1, 2.8),
    Phenotype("other_liver_disease", 0.089, (-0.2, 0.1, 0.65), N, 0.2, 2.4),
    Phenotype("other_lower_respiratory_disease", 0.051, (0.1, 0.7, 0.0), R, 0.3, 0.7),
    Phenotype("other_upper_respiratory_disease", 0.04, (0.0, 0.6, 0.0), R, 0.1, 0.7),
    Phenotype("pleurisy_pneumothorax_collapse", 0.087, (0.1, 0.6, 0.1), R, 0.4, 0.6),
    Phenotype("pneumonia", 0.139, (0.0, 0.8, 0.1), R, 0.5, 0.5),
    Phenotype("respiratory_failure", 0.181, (0.2, 0.85, 0.1), R, 0.8, 0.6),
    Phenotype("septicemia", 0.143, (0.0, 0.5, 0.45), T, 0.5, 0.5),
    Phenotype("shock", 0.078, (0.3, 0.3, 0.35), C, 0.8, 0.4),
)

NAMES = tuple(phenotype.name for phenotype in PHENOTYPES)

# Share of patients with conditions outside the 25, so that codes are more than the labels.
COMORBIDITIES: dict[str, float] = {
    "depression": 0.22,
    "reflux": 0.26,
    "anemia": 0.2,
    "urinary_tract_infection": 0.12,
    "hypothyroidism": 0.15,
    "former_smoker": 0.28,
    "smoker": 0.14,
    "obesity": 0.13,
    "gout": 0.09,
    "thrombocytopenia": 0.12,
    "blood_loss_anemia": 0.13,
    "anxiety": 0.14,
    "chronic_pain": 0.09,
    "constipation": 0.08,
    "anticoagulant_use": 0.18,
    "insulin_use": 0.15,
    "aspirin_use": 0.17,
    "osteoarthritis": 0.08,
    "osteoporosis": 0.06,
    "migraine": 0.04,
}


def column(name: str) -> int:
    """Column of a phenotype in arrays (..., 25)."""
    return NAMES.index(name)


@dataclass(frozen=True)
class Diagnosis:
    """A code that a condition is billed under."""

    condition: str
    icd_version: int
    icd_code: str
    long_title: str


@cache
def diagnoses() -> tuple[Diagnosis, ...]:
    """Codes of the phenotypes and of COMORBIDITIES, in the order of diagnoses.csv."""
    text = (resources.files("fusehr.raw.synthetic.vocabulary") / "diagnoses.csv").read_text()
    return tuple(
        Diagnosis(row["condition"], int(row["icd_version"]), row["icd_code"], row["long_title"])
        for row in csv.DictReader(text.splitlines())
    )


@cache
def lasting_diseases() -> tuple[Diagnosis, ...]:
    """Codes of core/knowledge/diseases.csv: that of disease k in ICD-9 is row 2k, ICD-10 2k + 1."""
    return tuple(
        Diagnosis(disease.name, version, code, title)
        for disease in diseases()
        for version, code, title in (
            (9, disease.icd9, disease.title9),
            (10, disease.icd10, disease.title10),
        )
    )
