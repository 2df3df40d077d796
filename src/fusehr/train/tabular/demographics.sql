-- Age and sex at the visit, where they were known by the index.
SELECT
    sample_rows.sample_row,
    static.age,
    (static.sex = 'F')::DOUBLE AS female,
    (static.sex = 'M')::DOUBLE AS male
FROM sample_rows
JOIN samples USING (sample_id)
JOIN static
    ON static.visit_id = samples.visit_id
    AND static.available_time <= samples.index_time
