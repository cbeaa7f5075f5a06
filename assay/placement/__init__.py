"""Where work runs: processes on this machine, and the judge's server."""
