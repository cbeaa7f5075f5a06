"""A run folder, read once: whose records these are, what is there, what is not compared."""
