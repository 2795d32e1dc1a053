"""How far networks remember."""
