-- Whose images are the cohort's, named as pixels.pack_images reads it: all of them.
CREATE VIEW metadata AS SELECT image_id AS dicom_id, patient_id AS subject_id FROM source_images;

CREATE VIEW patients AS SELECT DISTINCT patient_id AS subject_id FROM source_visits;
