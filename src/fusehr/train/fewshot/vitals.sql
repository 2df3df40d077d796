-- Each vital's last value in the window. Charted at the same minute, the value stored last counts; stored at
-- the same time too, the larger one.
WITH vitals AS (
    SELECT unnest($vitals) AS code, generate_subscripts($vitals, 1) - 1 AS place
)
SELECT
    sample_rows.sample_row,
    vitals.place,
    arg_max(value, (event_time, available_time, value)) AS value
FROM sample_events
JOIN sample_rows USING (sample_id)
JOIN vitals USING (code)
GROUP BY sample_rows.sample_row, vitals.place
