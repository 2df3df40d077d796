"""The encoder of chest images, fitted on films of people outside the cohort."""
