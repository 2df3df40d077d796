-- Texts that train patients' notes and indicators hold, the first $most by hash: a sample that depends on
-- no order and changes little when a text is added.
WITH of_train AS (
    SELECT note_sentences.text_sha256 FROM note_sentences JOIN notes USING (note_id)
    WHERE patient_id IN (SELECT patient_id FROM train)
    UNION
    SELECT note_segments.text_sha256 FROM note_segments JOIN notes USING (note_id)
    WHERE patient_id IN (SELECT patient_id FROM train)
    UNION
    -- whole notes
    SELECT notes.text_sha256 FROM notes SEMI JOIN note_features USING (note_id)
    WHERE patient_id IN (SELECT patient_id FROM train)
    UNION
    SELECT text_sha256 FROM indicators JOIN samples USING (sample_id)
    WHERE patient_id IN (SELECT patient_id FROM train) AND text_sha256 IS NOT NULL
)
SELECT texts.text_sha256, texts.text
FROM texts
SEMI JOIN of_train USING (text_sha256)
ORDER BY texts.text_sha256
LIMIT $most
