"""FastChat's stored judgments, read strictly beside FastChat's own reading."""
