"""What all tests share: Hypothesis never fails an example for its time, because machines are shared."""

from hypothesis import settings

settings.register_profile("assay", deadline=None)
settings.load_profile("assay")
