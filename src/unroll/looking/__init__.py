"""A look inside a trained model of any task: how it is followed, what is measured, and the page of it."""

from unroll.looking.page import look

__all__ = ["look"]
