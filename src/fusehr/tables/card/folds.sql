SELECT fold, count(*) AS patients FROM splits GROUP BY fold ORDER BY fold
