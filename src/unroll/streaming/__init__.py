"""Recurrent models as streams that carry their state."""
