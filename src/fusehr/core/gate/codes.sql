-- Codes that a sample may see. Diagnoses are billed after discharge, so a visit's codes are known from
-- codes_available_time on. `codes_through` equals the index time, but for next_diagnoses, whose input
-- includes by declaration what is billed of the visits up to the one just ended.
CREATE OR REPLACE TEMP TABLE sample_codes AS
WITH known AS (
    SELECT
        samples.sample_id,
        samples.task,
        samples.index_time,
        visits.visit_id,
        visits.visit_id = samples.visit_id AS current_visit,
        visits.codes_available_time,
        visits.admit_time,
        visits.diagnoses,
        visits.phenotypes,
        visits.procedures,
        visits.drugs
    FROM samples
    JOIN visits
        ON visits.patient_id = samples.patient_id
        AND visits.codes_available_time <= samples.codes_through
    WHERE samples.task = $task
)
SELECT known.* EXCLUDE (diagnoses, phenotypes, procedures, drugs), 'diagnosis' AS kind,
    unnest(diagnoses) AS code
FROM known
UNION ALL
SELECT known.* EXCLUDE (diagnoses, phenotypes, procedures, drugs), 'phenotype',
    unnest(phenotypes)
FROM known
UNION ALL
SELECT known.* EXCLUDE (diagnoses, phenotypes, procedures, drugs), 'procedure',
    unnest(procedures)
FROM known
UNION ALL
SELECT known.* EXCLUDE (diagnoses, phenotypes, procedures, drugs), 'drug',
    unnest(drugs)
FROM known
