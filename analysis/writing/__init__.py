"""What models write, from the texts alone: signs of degradation, and how far two texts differ."""
