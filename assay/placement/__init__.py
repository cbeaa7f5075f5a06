"""Where work runs: processes on this machine, a Ray cluster, and the judge's server."""
