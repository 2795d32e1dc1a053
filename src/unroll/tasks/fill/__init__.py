"""The word that is missing in a text."""
