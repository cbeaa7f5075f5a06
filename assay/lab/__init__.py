"""The model lab: makes compressed models from a local one, so that there is something to review.

Light to import: `torch` and `transformers` are loaded only by the files that touch weights.
"""
