"""Pure statistics: arrays and a generator in, frozen results out; how numbers are written."""
