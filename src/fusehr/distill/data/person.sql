-- Age in whole years and sex at the visit, as far as known by the index.
INSERT INTO sections
WITH known AS (
    SELECT
        samples.sample_id,
        floor(static.age)::INTEGER AS years,
        CASE
            WHEN sex = 'F' AND static.age < 18 THEN 'girl'
            WHEN sex = 'M' AND static.age < 18 THEN 'boy'
            WHEN sex = 'F' THEN 'woman'
            WHEN sex = 'M' THEN 'man'
        END AS noun
    FROM samples
    JOIN static
        ON static.visit_id = samples.visit_id
        AND static.available_time <= samples.index_time
    WHERE samples.task = $task
)
SELECT
    sample_id,
    0 AS part,
    0 AS place,
    'person' AS kind,
    'The patient is '
        || CASE WHEN years IN (8, 11, 18) OR years BETWEEN 80 AND 89 THEN 'an ' ELSE 'a ' END
        || concat_ws(' ', years || '-year-old', noun) || '.' AS text
FROM known
WHERE years IS NOT NULL OR noun IS NOT NULL
