-- Candidates that are left in become samples; each sample its labels.
CREATE TABLE kept_samples AS
SELECT 'mortality' AS task,
    sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start, codes_through
FROM mortality_candidates
WHERE left_out IS NULL
UNION ALL
SELECT 'readmission' AS task,
    sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start, codes_through
FROM readmission_candidates
WHERE left_out IS NULL
UNION ALL
SELECT 'deterioration' AS task,
    sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start, codes_through
FROM deterioration_candidates
WHERE left_out IS NULL
UNION ALL
SELECT 'next_diagnoses' AS task,
    sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start, codes_through
FROM next_diagnoses_candidates
WHERE left_out IS NULL
UNION ALL
SELECT 'triage' AS task,
    sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start, codes_through
FROM triage_candidates
WHERE left_out IS NULL;

-- A long stay gives training no more windows than a short one; which ones, the hash of their names decides.
CREATE VIEW samples AS
SELECT
    sample_id,
    patient_id,
    task,
    index_time,
    visit_id,
    stay_id,
    window_start,
    history_start,
    codes_through,
    task <> 'deterioration' OR row_number() OVER (
        PARTITION BY task, stay_id ORDER BY md5(sample_id)
    ) <= getvariable('max_train_windows') AS train_use
FROM kept_samples;

CREATE TABLE label AS
WITH labels AS (
    SELECT sample_id, 'positive' AS class, positive AS label_value, NULL AS new_onset
    FROM mortality_candidates WHERE left_out IS NULL
    UNION ALL
    SELECT sample_id, 'positive', positive, NULL FROM readmission_candidates WHERE left_out IS NULL
    UNION ALL
    SELECT sample_id, 'positive', positive, NULL FROM deterioration_candidates WHERE left_out IS NULL
    UNION ALL
    SELECT
        sample_id,
        phenotype,
        list_contains(next_phenotypes, phenotype),
        NOT list_contains(known_phenotypes, phenotype)
    FROM next_diagnoses_candidates
    CROSS JOIN (SELECT DISTINCT phenotype FROM phenotype_prefixes)
    WHERE left_out IS NULL
    UNION ALL
    SELECT sample_id, class, class = urgency, NULL
    FROM triage_candidates
    CROSS JOIN (SELECT unnest(['high', 'medium', 'low']) AS class)
    WHERE left_out IS NULL
    UNION ALL
    SELECT sample_id, 'outcome/icu_or_death_24h', icu_or_death, NULL
    FROM triage_candidates
    WHERE left_out IS NULL
)
SELECT
    kept_samples.patient_id,
    kept_samples.index_time AS label_time,
    CASE
        WHEN labels.class = 'positive' THEN kept_samples.task
        ELSE kept_samples.task || '/' || labels.class
    END AS label_code,
    labels.label_value::DOUBLE AS label_value,
    kept_samples.visit_id,
    kept_samples.sample_id,
    kept_samples.task,
    labels.class,
    labels.new_onset
FROM labels
JOIN kept_samples USING (sample_id);
