SELECT
    date_diff('second', shown_stay.intime, images.event_time) / 3600 AS hours,
    images.pixel_row
FROM images
JOIN shown_stay USING (patient_id)
WHERE images.event_time BETWEEN shown_stay.start_time AND shown_stay.end_time
ORDER BY hours, images.image_id
