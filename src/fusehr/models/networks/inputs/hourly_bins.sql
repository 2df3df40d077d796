-- The last value of each hourly bin, counted back from the index: bin 0 is the hour that ends there.
-- Charted at the same minute, the value stored last counts; stored at the same time too, the larger one.
WITH series_variables AS (
    SELECT unnest($variables) AS code, generate_subscripts($variables, 1) - 1 AS variable_column
)
SELECT
    sample_rows.sample_row,
    series_variables.variable_column,
    floor(hours_before_index)::INTEGER AS hours_ago,
    arg_max(value, (event_time, available_time, value)) AS value
FROM sample_events
JOIN sample_rows USING (sample_id)
JOIN series_variables USING (code)
WHERE hours_before_index < $hours AND value IS NOT NULL
GROUP BY sample_row, variable_column, hours_ago
