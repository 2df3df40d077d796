"""The 25 phenotypes: known codes, near misses and, on real data, agreement of the ICD versions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from fusehr.core.frame.errors import InputError
from fusehr.tables import phenotypes
from fusehr.tables.phenotypes import phenotype_names, phenotype_prefixes, phenotypes_of

SQL = Path(phenotypes.__file__).with_name("phenotypes.sql").read_text()
DEMO = Path("mimic-iv-demo/2.2/hosp")

# phenotype: codes of ICD-9-CM, codes of ICD-10-CM
KNOWN: dict[str, tuple[str, str]] = {
    "acute_renal_failure": ("5845 5846 5847 5848 5849 586", "N170 N171 N172 N178 N179 N19"),
    "acute_cerebrovascular_disease": (
        "430 431 4329 43311 43401 43411 43491 436",
        "I609 I619 I6200 I6340 I639 I6601 G43609",
    ),
    "acute_myocardial_infarction": (
        "41001 41011 41041 41071 41091",
        "I2102 I2119 I213 I214 I21A1 I222",
    ),
    "cardiac_dysrhythmia": (
        "4270 4271 42731 42781 42789 7850",
        "I471 I472 I4891 I4892 I495 R001",
    ),
    "chronic_kidney_disease": (
        "5853 5856 5859 V420 V4511 V560",
        "N183 N1830 N186 N189 Z940 Z992 Z4931",
    ),
    "copd": ("490 49121 4928 4940 496", "J40 J42 J439 J440 J441 J449 J479"),
    "care_complication": (
        "99859 99811 9971 99731 5121 5187 45829",
        "T8131XA T8149XA I97820 J95811 J95851 J9584 K9189 I9581 T8112XA D6481",
    ),
    "conduction_disorder": (
        "4260 42611 4263 4264 42682 V4501",
        "I440 I442 I447 I4510 I4581 Z950 Z95810",
    ),
    "congestive_heart_failure": (
        "39891 4280 42821 42823 42833 4289",
        "I0981 I5021 I5023 I5032 I5043 I509",
    ),
    "coronary_atherosclerosis": (
        "4111 412 4139 41400 41401 41406 V4581 V4582",
        "I200 I2510 I25110 I252 I255 I25710 Z951 Z955 Z9861",
    ),
    "diabetes_with_complications": (
        "24901 25002 25013 25040 25060 25082",
        "E0865 E1010 E1121 E1122 E1140 E1165 E11649 E1369",
    ),
    "diabetes_without_complication": (
        "24900 25000 25001 79021 79029 V4585",
        "E089 E109 E119 E139 R7303 R739 Z9641",
    ),
    "lipid_disorder": ("2720 2721 2722 2723 2724", "E7800 E781 E782 E783 E7849 E785"),
    "essential_hypertension": ("4011 4019", "I10"),
    "fluid_electrolyte_disorder": (
        "2760 2761 2762 27651 27652 2767 2768",
        "E860 E861 E870 E871 E872 E875 E876 E8770",
    ),
    "gastrointestinal_hemorrhage": (
        "4560 5307 53140 53200 5693 5780 5781 5789",
        "I8501 K226 K254 K264 K625 K920 K921 K922",
    ),
    "hypertension_with_complications": (
        "4010 40291 40391 40301 40493 40501 4372",
        "I110 I119 I120 I129 I130 I150 I161 I674",
    ),
    "other_liver_disease": (
        "570 5715 5718 5722 5723 5724 78959 V427",
        "K7200 K7290 K7460 K7581 K760 K766 K767 K7031 R188 Z944",
    ),
    "other_lower_respiratory_disease": (
        "514 515 51630 5184 51889 78605 7862 79311",
        "J810 J8410 J84112 J984 R0602 R05 R042 R911 Z8701",
    ),
    "other_upper_respiratory_disease": (
        "470 4779 47830 4786 5192 7847 7861 V440",
        "J309 J3800 J384 J9801 J9851 R040 R061 Z930",
    ),
    "pleurisy_pneumothorax_collapse": (
        "5109 5119 51189 51281 51289 5180",
        "J869 J90 J918 J930 J939 J942 J9811",
    ),
    "pneumonia": (
        "48241 4829 4841 485 486 5130 1363",
        "A481 B250 B59 J13 J15212 J159 J181 J189 J851",
    ),
    "respiratory_failure": (
        "51851 51881 51882 51883 51884 7991 V4611",
        "J80 J9600 J9601 J9611 J9622 J95821 R092 Z9911 Z9981",
    ),
    "septicemia": (
        "0380 03811 03842 0389 77181 7907 99591 99592",
        "A021 A401 A4101 A4151 A419 B377 P369 R6520 R7881",
    ),
    "shock": ("78550 78551 78552 78559", "R570 R571 R578 R579 R6521"),
}
# categories that have fewer than five codes in all
FEW = {("essential_hypertension", 9): 2, ("essential_hypertension", 10): 1, ("shock", 9): 4}

# codes next to a phenotype that CCS files elsewhere: code, version, phenotype it is not
NEAR_MISSES = [
    ("4275", 9, "cardiac_dysrhythmia"),  # cardiac arrest, CCS 107
    ("42741", 9, "cardiac_dysrhythmia"),  # ventricular fibrillation, CCS 107
    ("I469", 10, "cardiac_dysrhythmia"),
    ("I4901", 10, "cardiac_dysrhythmia"),
    ("43310", 9, "acute_cerebrovascular_disease"),  # carotid stenosis without infarction, CCS 110
    ("I6521", 10, "acute_cerebrovascular_disease"),
    ("4359", 9, "acute_cerebrovascular_disease"),  # transient ischemia
    ("G459", 10, "acute_cerebrovascular_disease"),
    ("43820", 9, "acute_cerebrovascular_disease"),  # late effects
    ("I69351", 10, "acute_cerebrovascular_disease"),
    ("41410", 9, "coronary_atherosclerosis"),  # aneurysm of heart, CCS 104
    ("I253", 10, "coronary_atherosclerosis"),
    ("41402", 9, "coronary_atherosclerosis"),  # atherosclerosis of a graft, CCS 237
    ("I25810", 10, "coronary_atherosclerosis"),
    ("I236", 10, "acute_myocardial_infarction"),  # thrombus after infarction
    ("49320", 9, "copd"),  # chronic obstructive asthma, CCS 128
    ("J45909", 10, "copd"),
    ("4660", 9, "copd"),  # acute bronchitis
    ("J209", 10, "copd"),
    ("5070", 9, "pneumonia"),  # aspiration, CCS 129
    ("J690", 10, "pneumonia"),
    ("4870", 9, "pneumonia"),  # influenza with pneumonia, CCS 123
    ("J1000", 10, "pneumonia"),
    ("01160", 9, "pneumonia"),  # tuberculous
    ("A5484", 10, "pneumonia"),  # gonococcal
    ("51181", 9, "pleurisy_pneumothorax_collapse"),  # malignant effusion, a metastasis
    ("J910", 10, "pleurisy_pneumothorax_collapse"),
    ("79902", 9, "respiratory_failure"),  # hypoxemia, CCS 244
    ("R0902", 10, "respiratory_failure"),
    ("P285", 10, "respiratory_failure"),  # of the newborn; the category is of adults
    ("78650", 9, "other_lower_respiratory_disease"),  # chest pain
    ("R079", 10, "other_lower_respiratory_disease"),
    ("4739", 9, "other_upper_respiratory_disease"),  # chronic sinusitis, CCS 126
    ("J329", 10, "other_upper_respiratory_disease"),
    ("4771", 9, "other_upper_respiratory_disease"),  # rhinitis due to food, CCS 253
    ("J305", 10, "other_upper_respiratory_disease"),
    ("5712", 9, "other_liver_disease"),  # alcoholic cirrhosis, CCS 660
    ("K7030", 10, "other_liver_disease"),
    ("07054", 9, "other_liver_disease"),  # hepatitis C, CCS 6
    ("B182", 10, "other_liver_disease"),
    ("78951", 9, "other_liver_disease"),  # malignant ascites
    ("R180", 10, "other_liver_disease"),
    ("56212", 9, "gastrointestinal_hemorrhage"),  # bleeding diverticulosis, CCS 146
    ("K5731", 10, "gastrointestinal_hemorrhage"),
    ("53501", 9, "gastrointestinal_hemorrhage"),  # bleeding gastritis, CCS 140
    ("K2901", 10, "gastrointestinal_hemorrhage"),
    ("53190", 9, "gastrointestinal_hemorrhage"),  # ulcer without bleeding
    ("K259", 10, "gastrointestinal_hemorrhage"),
    ("2752", 9, "fluid_electrolyte_disorder"),  # hypomagnesemia, CCS 58
    ("E8342", 10, "fluid_electrolyte_disorder"),
    ("2535", 9, "diabetes_without_complication"),  # insipidus
    ("E232", 10, "diabetes_without_complication"),
    ("64801", 9, "diabetes_without_complication"),  # of pregnancy, CCS 186
    ("O24410", 10, "diabetes_without_complication"),
    ("2725", 9, "lipid_disorder"),  # lipoprotein deficiency, CCS 58
    ("E786", 10, "lipid_disorder"),
    ("4160", 9, "essential_hypertension"),  # pulmonary
    ("I2720", 10, "essential_hypertension"),
    ("R030", 10, "essential_hypertension"),  # a high reading
    ("40390", 9, "chronic_kidney_disease"),  # hypertensive: CCS 99, with 585 beside it
    ("28521", 9, "chronic_kidney_disease"),  # anemia in it, CCS 59
    ("D631", 10, "chronic_kidney_disease"),
    ("5939", 9, "acute_renal_failure"),
    ("N289", 10, "acute_renal_failure"),
    ("99593", 9, "septicemia"),  # inflammatory response without infection
    ("R6510", 10, "septicemia"),
    ("67020", 9, "septicemia"),  # puerperal: except in labor
    ("O85", 10, "septicemia"),
    ("99932", 9, "septicemia"),  # of a central line, CCS 237
    ("T80211A", 10, "septicemia"),
    ("9950", 9, "shock"),  # anaphylactic, CCS 253
    ("T782XXA", 10, "shock"),
    ("9584", 9, "shock"),  # traumatic, CCS 244
    ("T794XXA", 10, "shock"),
    ("99661", 9, "care_complication"),  # of a device, CCS 237
    ("T827XXA", 10, "care_complication"),
    ("99681", 9, "care_complication"),  # of a transplant, CCS 237
    ("T8611", 10, "care_complication"),
    ("4570", 9, "care_complication"),  # lymphedema after mastectomy, CCS 121
    ("I972", 10, "care_complication"),
    ("V4321", 9, "conduction_disorder"),  # heart assist device, CCS 117
    ("Z95811", 10, "conduction_disorder"),
    ("4254", 9, "congestive_heart_failure"),  # cardiomyopathy, CCS 97
    ("I429", 10, "congestive_heart_failure"),
]

# where two phenotypes are at hand, the one that CCS chooses
CHOICES = [
    ("40291", 9, "hypertension_with_complications"),  # hypertensive heart disease with failure
    ("I110", 10, "hypertension_with_complications"),
    ("I130", 10, "hypertension_with_complications"),
    ("4010", 9, "hypertension_with_complications"),  # malignant
    ("99802", 9, "care_complication"),  # postoperative septic shock
    ("T8112XA", 10, "care_complication"),
    ("5121", 9, "care_complication"),  # iatrogenic pneumothorax
    ("J95811", 10, "care_complication"),
    ("27661", 9, "care_complication"),  # fluid overload by transfusion
    ("E8771", 10, "care_complication"),
    ("51851", 9, "respiratory_failure"),  # after surgery
    ("J95821", 10, "respiratory_failure"),
    ("V4614", 9, "respiratory_failure"),  # mechanical complication of the respirator
    ("J95850", 10, "respiratory_failure"),
    ("R6521", 10, "shock"),
    ("5724", 9, "other_liver_disease"),  # hepatorenal syndrome
    ("K767", 10, "other_liver_disease"),
    ("5722", 9, "other_liver_disease"),  # hepatic encephalopathy
]


def codes_of(phenotype: str, version: int) -> list[str]:
    return KNOWN[phenotype][(9, 10).index(version)].split()


@pytest.mark.parametrize("version", [9, 10])
@pytest.mark.parametrize("phenotype", KNOWN)
def test_known_codes(phenotype: str, version: int) -> None:
    codes = codes_of(phenotype, version)
    assert len(codes) >= FEW.get((phenotype, version), 5)
    wrong = {code: phenotypes_of(code, version) for code in codes}
    assert wrong == dict.fromkeys(codes, frozenset({phenotype}))


@pytest.mark.parametrize(("code", "version", "phenotype"), NEAR_MISSES)
def test_near_misses(code: str, version: int, phenotype: str) -> None:
    assert phenotype in KNOWN
    assert phenotype not in phenotypes_of(code, version)


@pytest.mark.parametrize(("code", "version", "phenotype"), CHOICES)
def test_one_of_two(code: str, version: int, phenotype: str) -> None:
    assert phenotypes_of(code, version) == {phenotype}


def test_names_are_the_papers() -> None:
    names = phenotype_names()
    assert set(names["phenotype"]) == set(KNOWN)
    assert names["kind"].value_counts().to_dict() == {"acute": 13, "chronic": 7, "mixed": 5}


def test_codes_as_mimic_has_them() -> None:
    assert phenotypes_of("4280   ", 9) == {"congestive_heart_failure"}
    assert phenotypes_of("", 9) == frozenset()
    # the same characters are another disease in the other version
    assert phenotypes_of("E860", 10) == {"fluid_electrolyte_disorder"}
    assert phenotypes_of("E860", 9) == frozenset()  # poisoning by alcohol
    with pytest.raises(InputError, match="icd_version"):
        phenotypes_of("4280", 11)


def lines_changed(change: Callable[[list[str]], list[str]]) -> str:
    return "\n".join(change(phenotypes.PREFIXES.read_text().splitlines())) + "\n"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda lines: [*lines, "shock,acute,249,10,I10,0"], "unique"),
        (lambda lines: [*lines, "shock,acute,249,10,I99.9,0"], "no dot"),
        (lambda lines: [*lines, "shock,chronic,249,10,I999,0"], "as in phenotype_names.csv"),
        (lambda lines: [*lines, "shock,acute,249,10,I999,2"], "0 or 1"),
        (lambda lines: [line for line in lines if ",10,I10," not in line], "each of the 25"),
    ],
)
def test_broken_prefixes_are_named(
    change: Callable[[list[str]], list[str]],
    rule: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "phenotypes.csv"
    broken.write_text(lines_changed(change))
    monkeypatch.setattr(phenotypes, "PREFIXES", broken)
    with pytest.raises(InputError, match=rule):
        phenotype_prefixes()


def by_sql(codes: pd.DataFrame) -> set[tuple[str, int, str]]:
    """(icd_code, icd_version, phenotype) that phenotypes.sql finds for the rows of `codes`."""
    with duckdb.connect() as con:
        con.register("diagnosis_codes", codes)
        con.register("prefixes", phenotype_prefixes())
        con.execute("CREATE TABLE phenotype_prefixes AS FROM prefixes")
        rows = con.execute(SQL).fetchall()
    assert len(rows) == len(set(rows))
    return {(code, int(version), phenotype) for code, version, phenotype in rows}


def by_python(codes: pd.DataFrame) -> set[tuple[str, int, str]]:
    """The same by phenotypes_of, code by code."""
    return {
        (str(code).rstrip(" "), int(version), phenotype)
        for code, version in zip(codes["icd_code"], codes["icd_version"], strict=True)
        for phenotype in phenotypes_of(str(code), int(version))
    }


def test_sql_is_python_on_the_codes_above() -> None:
    known = [(c, v) for name in KNOWN for v in (9, 10) for c in codes_of(name, v)]
    codes = known + [(code, version) for code, version, _ in NEAR_MISSES + CHOICES]
    frame = pd.DataFrame(codes, columns=["icd_code", "icd_version"])
    padded = frame.assign(icd_code=frame["icd_code"].str.ljust(7))
    found = by_sql(pd.concat([frame, padded], ignore_index=True))
    assert found == by_python(frame)
    assert {(code, version) for code, version, _ in found} >= set(known)


# How many codes of the demo's dictionary (14,666 of ICD-9-CM, 95,109 of ICD-10-CM 2020, headings
# among them) each phenotype holds: a change of the table shows here as a number.
DICTIONARY: dict[str, tuple[int, int]] = {
    "acute_renal_failure": (6, 7),
    "acute_cerebrovascular_disease": (22, 187),
    "acute_myocardial_infarction": (30, 23),
    "cardiac_dysrhythmia": (13, 34),
    "chronic_kidney_disease": (18, 19),
    "copd": (13, 20),
    "care_complication": (135, 925),
    "conduction_disorder": (26, 36),
    "congestive_heart_failure": (16, 30),
    "coronary_atherosclerosis": (18, 70),
    "diabetes_with_complications": (57, 567),
    "diabetes_without_complication": (11, 16),
    "lipid_disorder": (5, 10),
    "essential_hypertension": (2, 1),
    "fluid_electrolyte_disorder": (14, 20),
    "gastrointestinal_hemorrhage": (40, 23),
    "hypertension_with_complications": (32, 23),
    "other_liver_disease": (23, 61),
    "other_lower_respiratory_disease": (61, 84),
    "other_upper_respiratory_disease": (57, 72),
    "pleurisy_pneumothorax_collapse": (17, 31),
    "pneumonia": (58, 68),
    "respiratory_failure": (15, 35),
    "septicemia": (25, 52),
    "shock": (4, 6),
}


def read_demo(mirror: Path, name: str, *dates: str) -> pd.DataFrame:
    return pd.read_csv(
        mirror / DEMO / f"{name}.csv.gz", dtype={"icd_code": "str"}, parse_dates=list(dates)
    )


@pytest.fixture(scope="module")
def dictionary(mirror: Path) -> pd.DataFrame:
    return read_demo(mirror, "d_icd_diagnoses")


@pytest.mark.real
def test_sql_is_python_on_the_dictionary(dictionary: pd.DataFrame) -> None:
    assert len(dictionary) > 100_000
    assert by_sql(dictionary) == by_python(dictionary)


@pytest.mark.real
def test_at_most_one_phenotype_a_code(dictionary: pd.DataFrame) -> None:
    found = pd.DataFrame(by_sql(dictionary), columns=["icd_code", "icd_version", "phenotype"])
    assert not found.duplicated(["icd_code", "icd_version"]).any()
    counts = found.groupby(["phenotype", "icd_version"]).size().unstack()
    seen = {str(name): (int(row[9]), int(row[10])) for name, row in counts.iterrows()}
    assert seen == DICTIONARY


@pytest.mark.real
def test_every_prefix_is_some_codes_beginning(dictionary: pd.DataFrame) -> None:
    real = {
        (int(version), str(code).strip()[:length])
        for code, version in zip(dictionary["icd_code"], dictionary["icd_version"], strict=True)
        for length in range(1, 8)
    }
    table = phenotype_prefixes()
    pairs = zip(table["icd_version"], table["prefix"], strict=True)
    unused = {(int(version), str(prefix)) for version, prefix in pairs} - real
    assert unused == {(10, "Z2831")}  # unvaccinated for COVID-19: newer than the dictionary


@dataclass(frozen=True)
class Kept:
    """Of `n` chronic phenotypes coded at one admission, `kept` are coded at the next one too."""

    kept: int
    n: int
    pairs: int
    patients: int

    @property
    def rate(self) -> float:
        return self.kept / self.n


def kept_chronic(
    mirror: Path, phenotype_of: Callable[[str, int], frozenset[str]]
) -> dict[str, Kept]:
    """Persistence from one admission to the next: `within` a version, `across` from 9 to 10."""
    chronic = set(phenotype_names().query("kind == 'chronic'")["phenotype"])
    codes = read_demo(mirror, "diagnoses_icd")
    found: dict[int, set[str]] = {}
    versions: dict[int, int] = {}
    for hadm_id, code, version in codes[["hadm_id", "icd_code", "icd_version"]].itertuples(
        index=False, name=None
    ):
        assert versions.setdefault(hadm_id, version) == version
        found.setdefault(hadm_id, set()).update(phenotype_of(code, version) & chronic)

    visits = read_demo(mirror, "admissions", "admittime").sort_values(["subject_id", "admittime"])
    visits = visits[visits["hadm_id"].isin(list(versions))]
    visits["next"] = visits.groupby("subject_id")["hadm_id"].shift(-1)
    rows = [
        (
            "within" if versions[before] == versions[after] else "across",
            patient,
            len(found[before]),
            len(found[before] & found[after]),
        )
        for patient, before, after in visits.dropna(subset=["next"])[
            ["subject_id", "hadm_id", "next"]
        ].itertuples(index=False, name=None)
    ]
    table = pd.DataFrame(rows, columns=["group", "patient", "n", "kept"])
    return {
        str(group): Kept(
            int(part["kept"].sum()), int(part["n"].sum()), len(part), part["patient"].nunique()
        )
        for group, part in table.groupby("group")
    }


def margin(across: Kept, within: Kept) -> float:
    """1.645 standard errors of the difference of two binomial rates, as if all were independent.

    Phenotypes of one patient are not, so the true error is larger and this margin the stricter one.
    It sees the loss of a common phenotype, not that of one with a handful of pairs such as COPD.
    """
    pooled = (across.kept + within.kept) / (across.n + within.n)
    return 1.645 * math.sqrt(pooled * (1 - pooled) * (1 / across.n + 1 / within.n))


@pytest.mark.real
def test_chronic_phenotypes_outlive_the_change_of_version(mirror: Path) -> None:
    kept = kept_chronic(mirror, phenotypes_of)
    across, within = kept["across"], kept["within"]
    allowed = margin(across, within)
    print(f"\nacross {across.rate:.3f} {across}\nwithin {within.rate:.3f} {within}\n{allowed=:.3f}")
    assert across.pairs == 20
    assert across.rate >= within.rate - allowed


@pytest.mark.real
@pytest.mark.parametrize("lost", ["lipid_disorder", "chronic_kidney_disease"])
def test_a_phenotype_lost_in_icd10_shows(mirror: Path, lost: str) -> None:
    def without(code: str, version: int) -> frozenset[str]:
        return phenotypes_of(code, version) - ({lost} if version == 10 else set())

    kept = kept_chronic(mirror, without)
    across, within = kept["across"], kept["within"]
    assert across.rate < within.rate - margin(across, within)


@pytest.mark.real
def test_septic_shock_comes_with_a_sepsis_code(mirror: Path) -> None:
    """Why R65.21 may be shock without taking a patient out of septicemia."""
    codes = read_demo(mirror, "diagnoses_icd")
    shocked = codes[codes["icd_code"].str.rstrip(" ") == "R6521"]["hadm_id"]
    assert len(shocked) > 0
    for _, visit in codes[codes["hadm_id"].isin(list(shocked))].groupby("hadm_id"):
        assert any("septicemia" in phenotypes_of(str(code), 10) for code in visit["icd_code"])
