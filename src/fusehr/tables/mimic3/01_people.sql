-- Patients. MIMIC-IV has adults alone, so younger ones and all that is theirs are left out. Years are
-- counted from the birth date to the first admission; as in MIMIC-IV, a later visit adds the difference of
-- calendar years.
CREATE TABLE mimic3.people AS
WITH first_admission AS (
    SELECT subject_id, min(admittime) AS admittime FROM mimic3.admissions GROUP BY subject_id
),
aged AS (
    SELECT
        patients.subject_id,
        patients.gender,
        patients.dod,
        year(first_admission.admittime)::INTEGER AS anchor_year,
        date_part('year', age(first_admission.admittime, patients.dob))::INTEGER AS years
    FROM mimic3.patients
    LEFT JOIN first_admission USING (subject_id)
)
SELECT
    *,
    -- moved birth dates make 300 of these years
    CASE WHEN years > 89 THEN getvariable('mimic3_age_over_89')::DECIMAL(5, 2) ELSE years END AS anchor_age,
    CASE WHEN years < getvariable('mimic3_min_age') THEN 'under_age' END AS reason
FROM aged;

CREATE TABLE mimic3.left_out AS
SELECT subject_id FROM mimic3.people WHERE reason IS NOT NULL;

CREATE VIEW patients AS
SELECT
    subject_id,
    gender,
    anchor_age,
    anchor_year,
    -- dates are moved by another number of years for each patient, and nothing tells the true ones
    NULL::VARCHAR AS anchor_year_group,
    dod
FROM mimic3.people
WHERE reason IS NULL;

-- The account of an organ donor is opened after the death in an admission before it, so that it would look
-- like a readmission.
CREATE VIEW mimic3.admissions_marked AS
SELECT *, CASE WHEN diagnosis ILIKE '%organ donor%' THEN 'organ_donor' END AS reason
FROM mimic3.admissions
ANTI JOIN mimic3.left_out USING (subject_id);

-- DIAGNOSIS, the text given on admission, is not used: nothing tells when it was written last.
CREATE VIEW admissions AS
SELECT
    marked.subject_id,
    marked.hadm_id,
    marked.admittime,
    marked.dischtime,
    marked.deathtime,
    coalesce(kinds.mimic4, marked.admission_type) AS admission_type,
    coalesce(origins.mimic4, marked.admission_location) AS admission_location,
    coalesce(ends.mimic4, marked.discharge_location) AS discharge_location,
    marked.edregtime,
    marked.hospital_expire_flag
FROM mimic3.admissions_marked AS marked
LEFT JOIN mimic3.terms AS kinds
    ON kinds."column" = 'admission_type' AND kinds.mimic3 = marked.admission_type
LEFT JOIN mimic3.terms AS origins
    ON origins."column" = 'admission_location' AND origins.mimic3 = marked.admission_location
LEFT JOIN mimic3.terms AS ends
    ON ends."column" = 'discharge_location' AND ends.mimic3 = marked.discharge_location
WHERE marked.reason IS NULL;

CREATE VIEW icustays AS
SELECT subject_id, hadm_id, icustay_id AS stay_id, intime, outtime
FROM mimic3.icustays
ANTI JOIN mimic3.left_out USING (subject_id);

CREATE VIEW diagnoses_icd AS
SELECT subject_id, hadm_id, icd9_code AS icd_code, 9::TINYINT AS icd_version
FROM mimic3.diagnoses_icd
ANTI JOIN mimic3.left_out USING (subject_id)
WHERE icd9_code IS NOT NULL;

CREATE VIEW procedures_icd AS
SELECT subject_id, hadm_id, icd9_code AS icd_code, 9::TINYINT AS icd_version
FROM mimic3.procedures_icd
ANTI JOIN mimic3.left_out USING (subject_id)
WHERE icd9_code IS NOT NULL;

-- An order has the date of its start alone, so it is known by the end of that day.
CREATE VIEW prescriptions AS
SELECT
    subject_id,
    hadm_id,
    drug,
    startdate + to_days(1) AS starttime,
    enddate + to_days(1) AS stoptime
FROM mimic3.prescriptions
ANTI JOIN mimic3.left_out USING (subject_id);
