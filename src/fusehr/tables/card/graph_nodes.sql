WITH ends AS (
    SELECT x_type AS type, x_source AS source, x_id AS id FROM kg
    UNION
    SELECT y_type, y_source, y_id FROM kg
)
SELECT type, count(*) AS nodes FROM ends GROUP BY type ORDER BY type
