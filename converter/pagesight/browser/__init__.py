"""A real browser of this machine: found, driven, timed."""
