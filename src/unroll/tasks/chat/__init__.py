"""Answers to what was said."""
