"""Records of the PhysioNet/CinC Challenge 2012 to the relations that tables are made of."""
