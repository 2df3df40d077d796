-- Each sample's last available value of each variable. Of values charted at the same time the one known
-- last counts, then the larger. `train`: its patient is one that this round trains on.
INSERT INTO last_values
SELECT
    numbered.s,
    sample_events.code AS name,
    arg_max(value, (event_time, available_time, value)) AS value,
    bool_or(sample_events.patient_id IN (SELECT patient_id FROM train)) AS train
FROM sample_events
JOIN numbered USING (sample_id)
WHERE value IS NOT NULL AND code IN (SELECT name FROM feature_rows)
GROUP BY numbered.s, sample_events.code
