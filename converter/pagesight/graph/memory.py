"""Memory that large models leave behind, given back to the system: the browser that verifies their page needs it."""

import ctypes
import gc
import os
import sys
from pathlib import Path

_LARGE = 32_000_000
"""Bytes of a model from which on its copies count."""
_SYSTEM_ALLOCATOR = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"


def is_large(model: Path) -> bool:
    """Whether copies of a model, a file or a folder, are to be avoided."""
    return sum(p.stat().st_size for p in ([model] if model.is_file() else model.rglob("*"))) >= _LARGE


def use_system_allocator() -> None:
    """Let TensorFlow give freed tensors back instead of keeping them for later; only where it has made none yet.

    It holds for the whole process and those that it starts, unless the environment says otherwise.
    """
    os.environ.setdefault(_SYSTEM_ALLOCATOR, "1")


def release_memory() -> None:
    """Give back what is free; the C library keeps it where nobody asks."""
    gc.collect()
    if sys.platform.startswith("linux") and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # not in musl
        trim(0)
