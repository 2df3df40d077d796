-- The same over the last hours before the index, for each of `hours`.
WITH variables AS (
    SELECT unnest($variables) AS code, generate_subscripts($variables, 1) - 1 AS variable_column
),
windows AS (
    SELECT unnest($hours) AS hours, generate_subscripts($hours, 1) - 1 AS window_number
)
SELECT
    sample_rows.sample_row,
    variables.variable_column,
    windows.window_number,
    min(value) AS min,
    max(value) AS max,
    sum(try_cast(value AS DECIMAL(18, 4)))::DOUBLE / count(value) AS mean,
    count(*)::DOUBLE AS count
FROM sample_events
JOIN windows ON sample_events.hours_before_index <= windows.hours
JOIN sample_rows USING (sample_id)
JOIN variables USING (code)
GROUP BY sample_row, variable_column, window_number
