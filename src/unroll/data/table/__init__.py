"""A table on disk: kinds of columns, writing, reading, splits."""
