"""Statistics, the decision and the reports. In: a run folder's records. Out: one ReviewReport and its files."""
