"""One module per recipe; its name is what params.yaml calls `module`."""
