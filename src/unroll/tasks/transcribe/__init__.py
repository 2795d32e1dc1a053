"""A transcript for a recording of speech."""
