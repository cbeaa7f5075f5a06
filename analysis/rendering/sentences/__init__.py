"""What people read: numbers, cells, and the sentence of each decision with its causes."""
