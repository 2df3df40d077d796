-- Texts of the segments of the newest notes, and which of the distinct segments each belongs to. A note that was
-- not cut into segments has its sentences shared out over them in order: sizes differ by one at most, larger ones
-- first, and a note of few sentences has one a segment.
CREATE OR REPLACE TEMP TABLE segment_texts AS
WITH used AS (
    SELECT DISTINCT note_id FROM newest_notes
),
texts AS (
    SELECT note_id, segment, 0 AS position, text_sha256
    FROM note_segments
    SEMI JOIN used USING (note_id)
    UNION ALL
    SELECT
        note_id,
        ntile($segments) OVER (PARTITION BY note_id ORDER BY position) - 1 AS segment,
        position,
        text_sha256
    FROM note_sentences
    SEMI JOIN used USING (note_id)
    ANTI JOIN note_segments USING (note_id)
)
SELECT
    dense_rank() OVER (ORDER BY note_id, segment) - 1 AS token,
    note_id,
    segment,
    position,
    vector_row
FROM texts
LEFT JOIN text_vectors USING (text_sha256)
