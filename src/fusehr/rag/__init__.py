"""Disease mentions with what is said of them, their links into the knowledge graph."""
