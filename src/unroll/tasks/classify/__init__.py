"""Texts or numeric sequences to classes."""
