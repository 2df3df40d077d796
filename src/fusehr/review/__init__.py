"""What a change does: the working tree compared with a git revision, as a page for its review."""
