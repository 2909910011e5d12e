"""Hostile and broken models that adopt must refuse: each case is a folder here with expected_error.txt.

The files are made anew for every test run, so that the code shows what is wrong with each; code in them would leave a canary.
A case is a function `name(folder, canary) -> the path to give to adopt`.
"""

from . import claims, containers, loading, running_code, sound

__all__ = ["CASES", "claims", "containers", "loading", "running_code", "sound"]

CASES = sound.CASES
"""By the name of their folder."""
