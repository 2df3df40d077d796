-- Sections joined by a space, and the character at which each begins.
INSERT INTO texts
WITH
placed AS (
    SELECT
        *,
        coalesce(
            sum(length(text) + 1) OVER (
                PARTITION BY sample_id ORDER BY part, place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        )::BIGINT AS start
    FROM sections
),
joined AS (
    SELECT
        sample_id,
        string_agg(text, ' ' ORDER BY part, place) AS input,
        list(start ORDER BY part, place) AS section_starts,
        list(kind ORDER BY part, place) AS section_kinds
    FROM placed
    GROUP BY sample_id
)
SELECT
    samples.sample_id,
    samples.patient_id,
    samples.task,
    NOT starts_with(samples.sample_id, 'unlabelled-') AS labelled,
    $instruction AS instruction,
    coalesce(joined.input, $unknown) AS input,
    outputs.output,
    coalesce(joined.section_starts, [0]) AS section_starts,
    coalesce(joined.section_kinds, ['person']) AS section_kinds
FROM samples
LEFT JOIN joined USING (sample_id)
LEFT JOIN outputs USING (sample_id)
WHERE samples.task = $task
