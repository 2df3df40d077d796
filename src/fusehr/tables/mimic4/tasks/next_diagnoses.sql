-- The 25 CCS phenotypes of the next visit. Visits without a next one are dropped, never labelled with
-- their own diagnoses. Codes of the visit just ended are part of the input by declaration: they are known
-- from discharge plus the billing lag on, and no code of a later visit is.
CREATE TABLE next_diagnoses_candidates AS
WITH ordered AS (
    SELECT
        visits.*,
        lead(visit_id) OVER following AS next_visit_id,
        lead(diagnoses) OVER following AS next_diagnoses,
        lead(phenotypes) OVER following AS next_phenotypes,
        flatten(list(phenotypes) OVER (
            PARTITION BY patient_id ORDER BY admit_time, visit_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )) AS known_phenotypes
    FROM visits
    WINDOW following AS (PARTITION BY patient_id ORDER BY admit_time, visit_id)
)
SELECT
    'next_diagnoses-' || ordered.visit_id AS sample_id,
    ordered.patient_id,
    ordered.discharge_time AS index_time,
    ordered.visit_id,
    NULL::BIGINT AS stay_id,
    visit_spans.start_time AS window_start,
    visit_spans.start_time AS history_start,
    ordered.codes_available_time AS codes_through,
    ordered.next_phenotypes,
    ordered.known_phenotypes,
    CASE
        WHEN ordered.next_visit_id IS NULL THEN 'no_next_visit'
        WHEN len(ordered.next_diagnoses) = 0 THEN 'next_visit_not_coded'
    END AS left_out
FROM ordered
JOIN visit_spans USING (patient_id, visit_id);
