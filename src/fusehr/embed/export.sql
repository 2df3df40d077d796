-- Each sample's embedded texts: indicators by name, and segments of the newest note of its visit by number. A float32
-- as text is the shortest decimal that is the same float32.
CREATE OR REPLACE TEMP TABLE sample_tokens AS
WITH texts AS (
    SELECT
        given.sample_id,
        given.name,
        NULL::TINYINT AS segment,
        coalesce(shown.word, shown.value::VARCHAR) AS shown,
        given.text_sha256
    FROM embedded_indicators AS given
    JOIN sample_indicators AS shown USING (sample_id, name)
    UNION ALL
    SELECT newest.sample_id, NULL, embedded_note_segments.segment, NULL, embedded_note_segments.text_sha256
    FROM (
        SELECT sample_id, note_id
        FROM sample_notes
        SEMI JOIN embedded_note_segments USING (note_id)
        WHERE current_visit
        QUALIFY row_number() OVER (PARTITION BY sample_id ORDER BY hours_before_index, note_id) = 1
    ) AS newest
    JOIN embedded_note_segments USING (note_id)
)
SELECT
    texts.sample_id,
    texts.name,
    texts.segment,
    texts.shown,
    '[' || array_to_string(list_transform(reduced.vector::FLOAT[], lambda x: x::VARCHAR), ', ') || ']'
        AS vector
FROM texts
LEFT JOIN reduced USING (text_sha256);
