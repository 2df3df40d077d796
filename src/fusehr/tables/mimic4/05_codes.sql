-- Diagnoses, procedures and drugs of each visit as full codes. MIMIC pads some codes with spaces.
CREATE TABLE diagnosis_codes AS
SELECT DISTINCT rtrim(icd_code) AS icd_code, icd_version FROM diagnoses_icd;

CREATE TABLE code_phenotype AS
$phenotypes_sql;

CREATE TABLE prescriptions_marked AS
SELECT
    prescriptions.subject_id,
    admission_visit.visit_id,
    lower(trim(prescriptions.drug)) AS drug,
    prescriptions.starttime,
    CASE
        WHEN admission_visit.visit_id IS NULL THEN 'unknown_admission'
        WHEN drug IS NULL OR trim(drug) = '' THEN 'no_value'
        WHEN starttime IS NULL THEN 'no_time'
        WHEN stoptime < starttime THEN 'end_before_start'
    END AS reason
FROM prescriptions
LEFT JOIN admission_visit USING (subject_id, hadm_id);

-- An order counts from its start; when it was stopped is not known then, so it is left out.
CREATE TABLE drugs AS
SELECT DISTINCT
    subject_id AS patient_id,
    starttime AS event_time,
    drug AS code,
    visit_id,
    starttime AS available_time
FROM prescriptions_marked
WHERE reason IS NULL;

CREATE TABLE visits AS
WITH diagnosis AS (
    SELECT
        admission_visit.visit_id,
        list(DISTINCT 'ICD' || diagnoses_icd.icd_version || 'CM/' || rtrim(diagnoses_icd.icd_code)) AS codes,
        list(DISTINCT phenotype) FILTER (WHERE phenotype IS NOT NULL) AS phenotypes
    FROM diagnoses_icd
    JOIN admission_visit USING (subject_id, hadm_id)
    LEFT JOIN code_phenotype
        ON code_phenotype.icd_code = rtrim(diagnoses_icd.icd_code)
        AND code_phenotype.icd_version = diagnoses_icd.icd_version
    GROUP BY admission_visit.visit_id
),
procedure AS (
    SELECT visit_id, list(DISTINCT 'ICD' || icd_version || 'PCS/' || rtrim(icd_code)) AS codes
    FROM procedures_icd
    JOIN admission_visit USING (subject_id, hadm_id)
    GROUP BY visit_id
),
drug AS (
    SELECT visit_id, list(DISTINCT drug) AS drugs
    FROM prescriptions_marked
    WHERE reason IS NULL
    GROUP BY visit_id
)
SELECT
    visit_times.patient_id,
    visit_times.visit_id,
    visit_times.admit_time,
    visit_times.discharge_time,
    visit_times.death_time,
    visit_times.admission_type,
    visit_times.discharge_location,
    list_sort(coalesce(diagnosis.codes, [])) AS diagnoses,
    list_sort(coalesce(diagnosis.phenotypes, [])) AS phenotypes,
    list_sort(coalesce(procedure.codes, [])) AS procedures,
    list_sort(coalesce(drug.drugs, [])) AS drugs,
    visit_times.discharge_time + to_days(getvariable('billing_lag_days')) AS codes_available_time
FROM visit_times
LEFT JOIN diagnosis USING (visit_id)
LEFT JOIN procedure USING (visit_id)
LEFT JOIN drug USING (visit_id);
