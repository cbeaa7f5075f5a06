"""What models solve, measured: checked answers side by side, flips, repeats, and what of them was never read."""
