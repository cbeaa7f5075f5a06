"""The front door: commands, the pipeline, where work runs, where material comes from, the model lab."""
