"""From logits to sequences: step by step, one token at a time."""
