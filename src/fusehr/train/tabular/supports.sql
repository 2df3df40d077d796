-- Is a support running at the index? It is where its last start has no end after it. The gate lets starts
-- and ends through from the visit's start on, also where values count from a later window.
SELECT
    sample_rows.sample_row,
    split_part(sample_events.code, '/', 1) || '|running' AS name,
    1.0 AS value
FROM sample_events
JOIN sample_rows USING (sample_id)
WHERE sample_events.code LIKE '%/start' OR sample_events.code LIKE '%/end'
GROUP BY sample_row, name
HAVING min(hours_before_index) FILTER (sample_events.code LIKE '%/start')
    < coalesce(min(hours_before_index) FILTER (sample_events.code LIKE '%/end'), 'infinity'::DOUBLE)
