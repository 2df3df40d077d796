-- What the gate leaves of three samples; the second has nothing.
CREATE TABLE sample_rows AS SELECT unnest(['a', 'b', 'c']) AS sample_id, unnest([0, 1, 2]) AS sample_row;

CREATE TABLE sample_events AS
SELECT
    sample_id,
    code,
    value,
    TIMESTAMP '2150-01-02 12:00:00' - to_minutes(minutes_charted) AS event_time,
    TIMESTAMP '2150-01-02 12:00:00' - to_minutes(minutes_stored) AS available_time,
    minutes_charted / 60.0 AS hours_before_index
FROM (
    VALUES
        ('a', 'sbp', 119.0, 50, 5),
        ('a', 'sbp', 121.0, 10, 5),
        ('a', 'sbp', 120.0, 10, 8),
        ('a', 'heart_rate', 80.0, 0, 0),
        ('a', 'sbp', 90.0, 179, 100),
        ('a', 'sbp', 50.0, 180, 100), -- three hours before, and out of the window
        ('a', 'lactate', 9.0, 10, 10),
        ('c', 'heart_rate', 70.0, 60, 30),
        ('c', 'heart_rate', NULL, 60, 20)
) AS events (sample_id, code, value, minutes_charted, minutes_stored);
