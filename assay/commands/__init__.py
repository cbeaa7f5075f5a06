"""The commands, one file each, thin: read arguments, call the pipeline, print."""
