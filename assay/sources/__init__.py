"""Sources: material from outside, fetched once into the cache and checked against pinned hashes."""
