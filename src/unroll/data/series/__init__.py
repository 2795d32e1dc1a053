"""Time series: their steps, seasons and grids."""
