"""Texts that go on."""
