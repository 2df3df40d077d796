"""What is trained, put to use: the commands `fusehr predict` and `fusehr serve`."""
