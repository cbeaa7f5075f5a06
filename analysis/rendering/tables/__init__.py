"""Tables: what is told, as rows of words. In: a ReviewReport. Out: Tables that every format prints alike."""
