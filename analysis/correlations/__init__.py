"""Do the measures agree? Across candidates, given accuracy, and within one candidate."""
