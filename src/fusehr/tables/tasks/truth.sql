-- True probabilities, by what identifies a sample: task, patient and index time.
CREATE VIEW truth AS
SELECT
    label.sample_id,
    label.task,
    label.class,
    true_risk.oracle,
    true_risk.attainable,
    true_risk.notes,
    true_risk.image,
    true_risk.graph
FROM label
JOIN kept_samples USING (sample_id, task)
JOIN true_risk
    ON true_risk.task = label.task
    AND true_risk.patient_id = label.patient_id
    AND true_risk.visit_id = label.visit_id
    AND true_risk.index_time = label.label_time
    AND true_risk.class = label.class
    AND (true_risk.stay_id IS NULL OR true_risk.stay_id = kept_samples.stay_id);
