"""What gates and reports read: one summary per model and per judge, the panel of judges."""
