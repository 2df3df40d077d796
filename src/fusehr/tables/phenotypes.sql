-- Phenotype of each code of diagnosis_codes (icd_code, icd_version), by phenotype_prefixes: the longest
-- prefix of a code decides, one marked exclude says that the code has none.
-- Same rule as phenotypes_of in phenotypes.py.
WITH codes AS (
    -- MIMIC pads some codes with spaces
    SELECT DISTINCT rtrim(icd_code) AS icd_code, icd_version
    FROM diagnosis_codes
),
lengths AS (
    SELECT DISTINCT length(prefix) AS prefix_length
    FROM phenotype_prefixes
),
longest AS (
    -- equality on the cut code is a hash join; starts_with would compare every code with every prefix
    SELECT
        codes.icd_code,
        codes.icd_version,
        phenotype_prefixes.phenotype,
        phenotype_prefixes."exclude" AS excluded
    FROM codes
    JOIN lengths
        ON length(codes.icd_code) >= lengths.prefix_length
    JOIN phenotype_prefixes
        ON phenotype_prefixes.icd_version = codes.icd_version
        AND phenotype_prefixes.prefix = left(codes.icd_code, lengths.prefix_length)
    QUALIFY row_number() OVER (
        PARTITION BY codes.icd_code, codes.icd_version ORDER BY lengths.prefix_length DESC
    ) = 1
)
SELECT icd_code, icd_version, phenotype
FROM longest
WHERE NOT excluded
ORDER BY icd_version, icd_code;
