"""Alerts on a stream: every record is scored before the next is seen."""
