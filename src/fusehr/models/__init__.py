"""Neural modules and their training loop, shared by the rooms that train."""
