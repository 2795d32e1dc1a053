"""Files into tables: one reader per format."""
