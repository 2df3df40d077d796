-- What each distinct newest note holds in numbers, in the order of `note`, which is a place in the table of notes.
CREATE OR REPLACE TEMP TABLE numbered_notes AS
WITH used AS (
    SELECT DISTINCT note_id FROM newest_notes
)
SELECT
    row_number() OVER (ORDER BY note_id) - 1 AS note,
    note_id,
    symptom_count::FLOAT AS symptom_count,
    medication_count::FLOAT AS medication_count,
    condition_severity::FLOAT AS condition_severity,
    has_deterioration::FLOAT AS has_deterioration,
    deterioration_intensity::FLOAT AS deterioration_intensity,
    sentence_count::FLOAT AS sentence_count
FROM used
JOIN note_features USING (note_id)
