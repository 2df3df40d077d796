"""The demo page of `fusehr serve`: a case or a test sample, what is predicted of it, and why."""
