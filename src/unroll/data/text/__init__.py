"""Texts as ids: words, characters, byte-pair pieces, features, running text."""
