-- Samples of the task at hand, numbered as arrays are.
CREATE OR REPLACE TEMP TABLE sample_rows AS
SELECT unnest($sample_ids) AS sample_id, generate_subscripts($sample_ids, 1) - 1 AS sample_row
