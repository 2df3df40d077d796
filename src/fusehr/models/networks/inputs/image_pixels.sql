-- Rows of images.npy of the newest images of the current visit.
SELECT
    sample_row,
    pixel_row,
    row_number() OVER (PARTITION BY sample_row ORDER BY hours_before_index, image_id) AS image_rank
FROM sample_images
JOIN sample_rows USING (sample_id)
WHERE current_visit AND pixel_row IS NOT NULL
QUALIFY image_rank <= $most_images
ORDER BY sample_row, image_rank
