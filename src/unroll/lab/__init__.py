"""The classroom: chapters that train small networks, measure them, and write a page about what was found."""
