"""Find a Python that TensorFlow supports and let it make this checkout ready: see environment.py.

Runs on any Python, version 2 too, so that an old one ends in a sentence and not in a syntax error.
"""

import os
import subprocess
import sys

SUPPORTED = ((3, 11), (3, 12))


def main():
    """Set up, or say which Python is missing."""
    if SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[-1]:
        import environment

        environment.main()
        return
    for version in reversed(SUPPORTED):
        name = "python" + dotted(version)
        if is_there(name, version):
            os.execvp(name, [name, __file__])
    taken, able = dotted(sys.version_info[:2]), " and ".join(map(dotted, SUPPORTED))
    fix = "install Python 3.12, or run make PYTHON=/path/to/python3.12"
    sys.exit("error: Python " + taken + " cannot run TensorFlow; " + able + " can\n  fix: " + fix)


def dotted(version):
    """3.12 of (3, 12)."""
    return ".".join(map(str, version))


def is_there(name, version):
    """Whether a command runs that Python: a version manager may have put one of that name there that only complains."""
    ask = "import sys; sys.exit(sys.version_info[:2] != " + repr(version) + ")"
    try:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123 - Python 2 has no pathlib
            return subprocess.call([name, "-c", ask], stdout=nothing, stderr=nothing) == 0
    except OSError:
        return False


if __name__ == "__main__":
    main()
