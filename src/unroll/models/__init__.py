"""Networks by the shape of what goes in and comes out: many-to-one, many-to-many, one-to-many."""
