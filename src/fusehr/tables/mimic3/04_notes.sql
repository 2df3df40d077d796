-- Notes of the kinds that MIMIC-IV-Note has, and of nurses and physicians. Some categories have a date
-- alone (discharge summaries never have more): such a note is known by the end of that day.
CREATE VIEW mimic3.notes_marked AS
SELECT
    'noteevents-' || rows.row_id AS note_id,
    rows.subject_id,
    rows.hadm_id,
    coalesce(rows.charttime, rows.chartdate) AS charttime,
    coalesce(
        rows.storetime, CASE WHEN rows.charttime IS NULL THEN rows.chartdate + to_days(1) END
    ) AS storetime,
    rows.text,
    kinds.mimic4 AS kind,
    CASE
        WHEN kinds.mimic4 IS NULL THEN 'other_category'
        WHEN rows.iserror = '1' THEN 'marked_as_error'
    END AS reason
FROM mimic3.noteevents AS rows
ANTI JOIN mimic3.left_out USING (subject_id)
-- 'Physician ' has a space at its end
LEFT JOIN mimic3.terms AS kinds
    ON kinds."column" = 'category' AND kinds.mimic3 = trim(rows.category);

CREATE VIEW discharge AS
SELECT note_id, subject_id, hadm_id, charttime, storetime, text
FROM mimic3.notes_marked
WHERE reason IS NULL AND kind = 'discharge';

CREATE VIEW radiology AS
SELECT note_id, subject_id, hadm_id, charttime, storetime, text
FROM mimic3.notes_marked
WHERE reason IS NULL AND kind = 'radiology';

CREATE VIEW nursing AS
SELECT note_id, subject_id, hadm_id, NULL::VARCHAR AS note_type, charttime, storetime, text
FROM mimic3.notes_marked
WHERE reason IS NULL AND kind = 'nursing';

CREATE VIEW progress AS
SELECT note_id, subject_id, hadm_id, charttime, storetime, text
FROM mimic3.notes_marked
WHERE reason IS NULL AND kind = 'progress';
