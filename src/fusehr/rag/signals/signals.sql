-- Values more than $z standard deviations from the mean, the farthest first, $most a sample at most.
CREATE TEMP TABLE signals_found AS
SELECT
    s,
    name,
    value,
    round(z, 4) AS z,
    row_number() OVER (PARTITION BY s ORDER BY abs(round(z, 4)) DESC, name) - 1 AS position,
    CAST(round(value / step) AS BIGINT) AS steps
FROM (
    SELECT s, name, value, step, (value - mean) / sd AS z
    FROM last_values
    JOIN spread USING (name)
    JOIN feature_rows USING (name)
    WHERE sd > 0
)
WHERE abs(z) > $z
QUALIFY position < $most
