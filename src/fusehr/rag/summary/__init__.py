"""A sample's signals, diseases and facts as one text."""
