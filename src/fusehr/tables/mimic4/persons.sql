CREATE VIEW persons AS
SELECT subject_id AS patient_id, anchor_year_group AS period, NULL::VARCHAR AS fold FROM patients;
