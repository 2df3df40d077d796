-- What a patient's labels are, over all tasks at once: 1 any positive, 0 none, - no sample. Triage by its
-- most urgent visit. Patients are dealt to folds within these strata.
SELECT
    patients.subject_id AS patient_id,
    patients.anchor_year_group AS period,
    concat_ws(
        '|',
        coalesce(max(label_value) FILTER (task = 'mortality')::INT::VARCHAR, '-'),
        coalesce(max(label_value) FILTER (task = 'deterioration')::INT::VARCHAR, '-'),
        coalesce(max(label_value) FILTER (task = 'readmission')::INT::VARCHAR, '-'),
        coalesce(
            min(array_position(['high', 'medium', 'low'], class)) FILTER (
                task = 'triage' AND label_value = 1
            )::VARCHAR,
            '-'
        ),
        coalesce(
            least(sum(label_value) FILTER (task = 'next_diagnoses'), 9)::INT::VARCHAR, '-'
        )
    ) AS stratum
FROM patients
LEFT JOIN label ON label.patient_id = patients.subject_id AND NOT starts_with(label.class, 'outcome/')
GROUP BY patients.subject_id, patients.anchor_year_group
ORDER BY patient_id
