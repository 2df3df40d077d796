"""What trained models are used by: the command `fusehr predict`."""
