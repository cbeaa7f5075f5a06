"""The commands, one file each, thin: read arguments (arguments.py has what they share), call the pipeline, print."""
