"""The answer to a question about a story or a text."""
