"""The report object: everything that a review found, and the rows that people read one by one."""
