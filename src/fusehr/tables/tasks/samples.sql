-- Candidates that are left in become samples; each sample its labels.
CREATE TABLE kept_samples AS
SELECT task, sample_id, patient_id, index_time, visit_id, stay_id, window_start, history_start,
    codes_through
FROM candidates
WHERE left_out IS NULL;

-- A long stay gives training no more windows than a short one; which ones, the hash of their names decides.
CREATE VIEW samples AS
SELECT
    sample_id,
    patient_id,
    task,
    index_time,
    visit_id,
    stay_id,
    window_start,
    history_start,
    codes_through,
    task <> 'deterioration' OR row_number() OVER (
        PARTITION BY task, stay_id ORDER BY md5(sample_id)
    ) <= getvariable('max_train_windows') AS train_use
FROM kept_samples;

CREATE TABLE label AS
SELECT
    kept_samples.patient_id,
    kept_samples.index_time AS label_time,
    CASE
        WHEN candidate_labels.class = 'positive' THEN kept_samples.task
        ELSE kept_samples.task || '/' || candidate_labels.class
    END AS label_code,
    candidate_labels.label_value::DOUBLE AS label_value,
    kept_samples.visit_id,
    kept_samples.sample_id,
    kept_samples.task,
    candidate_labels.class,
    candidate_labels.new_onset
FROM candidate_labels
JOIN kept_samples USING (task, sample_id);
