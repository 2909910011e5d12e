"""What a share of right answers says about the share to expect."""

import math

_Z95 = 1.959963984540054


def wilson(right: int, n: int) -> list[float]:
    """The 95 % Wilson score interval of `right` out of `n`, as [low, high] in 0..1 (Wilson 1927)."""
    if n == 0:
        return [0.0, 1.0]
    share, z2 = right / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return [max(0.0, centre - half), min(1.0, centre + half)]
