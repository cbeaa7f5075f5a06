"""What speaks to an OpenAI-compatible endpoint, written once: for judges, for models under test, for batches."""
