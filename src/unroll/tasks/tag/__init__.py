"""A tag for every token."""
