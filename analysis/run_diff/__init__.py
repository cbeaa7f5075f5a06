"""Two runs against each other, like with like."""
