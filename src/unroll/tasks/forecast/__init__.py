"""The next steps of time series."""
