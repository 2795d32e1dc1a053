"""Scores and their intervals, in plain numpy."""
