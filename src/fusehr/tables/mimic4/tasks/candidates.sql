-- The candidates of all tasks and their labels.
CREATE VIEW candidates AS
SELECT task, sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start,
    codes_through, left_out, NULL AS competing
FROM mortality_candidates
UNION ALL
SELECT 'readmission', sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start,
    codes_through, left_out, died_without
FROM readmission_candidates
UNION ALL
SELECT 'deterioration', sample_id, patient_id, index_time, visit_id, stay_id, window_start,
    history_start, codes_through, left_out, NULL
FROM deterioration_candidates
UNION ALL
SELECT 'next_diagnoses', sample_id, patient_id, index_time, visit_id, stay_id, window_start,
    history_start, codes_through, left_out, NULL
FROM next_diagnoses_candidates
UNION ALL
SELECT 'triage', sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start,
    codes_through, left_out, NULL
FROM triage_candidates;

CREATE VIEW candidate_labels AS
SELECT task, sample_id, 'positive' AS class, positive AS label_value, NULL AS new_onset
FROM mortality_candidates WHERE left_out IS NULL
UNION ALL
SELECT 'readmission', sample_id, 'positive', positive, NULL
FROM readmission_candidates WHERE left_out IS NULL
UNION ALL
SELECT 'deterioration', sample_id, 'positive', positive, NULL
FROM deterioration_candidates WHERE left_out IS NULL
UNION ALL
SELECT
    'next_diagnoses',
    sample_id,
    phenotype,
    list_contains(next_phenotypes, phenotype),
    NOT list_contains(known_phenotypes, phenotype)
FROM next_diagnoses_candidates
CROSS JOIN (SELECT DISTINCT phenotype FROM phenotype_prefixes)
WHERE left_out IS NULL
UNION ALL
SELECT 'triage', sample_id, class, class = urgency, NULL
FROM triage_candidates
CROSS JOIN (SELECT unnest(['high', 'medium', 'low']) AS class)
WHERE left_out IS NULL
UNION ALL
SELECT 'triage', sample_id, 'outcome/icu_or_death_24h', icu_or_death, NULL
FROM triage_candidates
WHERE left_out IS NULL;
