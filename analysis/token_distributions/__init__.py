"""How models think, measured: KL along the same tokens, over the whole vocabulary."""
