-- One image of each of the first other patients.
SELECT min_by(images.pixel_row, images.image_id) AS pixel_row
FROM images
WHERE images.pixel_row IS NOT NULL
    AND images.patient_id NOT IN (SELECT patient_id FROM shown_stay)
GROUP BY images.patient_id
ORDER BY images.patient_id
LIMIT getvariable('images_in_strip')
