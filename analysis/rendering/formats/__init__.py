"""Formats of a review, a difference, an audit and a study: pages, terminal, data. In: reports. Out: texts and files."""
