"""What all tests share: Hypothesis never fails an example for its time, and Ctrl-C reaches the tests that send it."""

import signal

from hypothesis import settings

settings.register_profile("assay", deadline=None)
settings.load_profile("assay")
# A shell that starts pytest in the background hands it SIGINT ignored, and Python keeps it so, here and in children.
signal.signal(signal.SIGINT, signal.default_int_handler)
