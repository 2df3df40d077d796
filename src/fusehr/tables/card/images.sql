SELECT
    count(*) AS images,
    count(DISTINCT patient_id) AS patients,
    count(DISTINCT visit_id) AS visits,
    count(pixel_row) AS with_pixels,
    (SELECT count(*) FROM image_pool) AS pool
FROM images
