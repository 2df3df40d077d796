-- A sample's variables over its whole input window. Charted at the same minute, the value stored last
-- counts; stored at the same time too, the larger one. A mean is the sum of exact decimals over a count,
-- as the order in which threads add doubles would show in its last bit. hours_charted is the number of
-- hours with a value: a monitor that is read twice as often does not make twice as much of them.
WITH variables AS (
    SELECT unnest($variables) AS code, generate_subscripts($variables, 1) - 1 AS variable_column
)
SELECT
    sample_rows.sample_row,
    variables.variable_column,
    arg_max(value, (event_time, available_time, value)) AS last,
    arg_min(value, (event_time, available_time, value)) AS first,
    min(value) AS min,
    max(value) AS max,
    sum(try_cast(value AS DECIMAL(18, 4)))::DOUBLE / count(value) AS mean,
    count(*)::DOUBLE AS count,
    min(hours_before_index) AS hours_since,
    max(hours_before_index) AS hours_since_first,
    sum(try_cast(value AS DECIMAL(18, 4)))::DOUBLE AS sum,
    -- rounded as values are, since a difference of large numbers would tell equal values from each other
    round(sqrt(greatest(0,
        sum(try_cast(value AS DECIMAL(18, 4)) * try_cast(value AS DECIMAL(18, 4)))::DOUBLE / count(value)
        - power(sum(try_cast(value AS DECIMAL(18, 4)))::DOUBLE / count(value), 2)
    )), 4) AS std,
    count(DISTINCT floor(hours_before_index))::DOUBLE AS hours_charted
FROM sample_events
JOIN sample_rows USING (sample_id)
JOIN variables USING (code)
GROUP BY sample_row, variable_column
