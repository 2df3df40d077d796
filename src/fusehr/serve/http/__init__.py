"""The HTTP service `fusehr serve`."""
