"""What the graph says of a sample's own diseases and drugs, ranked."""
