"""Many pictures are decoded at a time, but never more than fit in the memory that is meant for it."""

import contextlib
import threading
from collections.abc import Iterator

from pagesight.decoders import MAX_MEMORY, Header


class Room:
    """Memory for pictures in flight: whoever decodes one waits until there is room for it."""

    def __init__(self, most: int = MAX_MEMORY) -> None:
        """Room for `most` bytes; a picture that takes more is decoded when no other is."""
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def admit(self, header: Header) -> Iterator[None]:
        """Wait until there is room for a picture; it is free again when the block ends."""
        wanted = min(header.memory, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + wanted <= self._most)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()
