-- What a patient's labels are, over all tasks at once: 1 any positive, 0 none, - no sample. Triage by its
-- most urgent visit; a source's own tasks by name. Patients are dealt to folds within these strata. A
-- horizon has its task's labels, and must not change who is tested.
WITH of_patient AS (
    SELECT
        patient_id,
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
        ) AS stratum,
        string_agg(DISTINCT '|' || task || '/' || class, '' ORDER BY '|' || task || '/' || class)
            FILTER (
                label_value = 1
                AND task NOT IN (
                    'mortality', 'deterioration', 'readmission', 'triage', 'next_diagnoses'
                )
            ) AS own
    FROM label
    WHERE NOT starts_with(class, 'outcome/') AND NOT contains(task, '@')
    GROUP BY patient_id
)
SELECT
    persons.patient_id,
    persons.period,
    persons.fold,
    coalesce(of_patient.stratum, '-|-|-|-|-') || coalesce(of_patient.own, '') AS stratum
FROM persons
LEFT JOIN of_patient USING (patient_id)
ORDER BY patient_id
