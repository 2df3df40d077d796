-- Long titles of ICD codes and short ones of phenotypes, by code as visits have it.
CREATE TEMP TABLE titles AS
SELECT code, min(title) AS title
FROM (
    SELECT
        'ICD' || trim(icd_version) || 'CM/' || trim(icd_code) AS code,
        rtrim(long_title, '. ') AS title
    FROM d_icd_diagnoses
    UNION ALL
    SELECT 'ICD' || trim(icd_version) || 'PCS/' || trim(icd_code), rtrim(long_title, '. ')
    FROM d_icd_procedures
    UNION ALL
    SELECT phenotype, short
    FROM phenotype_titles
)
WHERE title <> ''
GROUP BY code
