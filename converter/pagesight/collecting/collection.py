"""A lesson's collection: codes that admit one phone each, and pictures that wait in memory until the teacher's page has them."""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pagesight.json_values import JsonObject

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Those that nobody takes for another when a code is read off a wall."""
_CODE_LENGTH = 6
_PICTURE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_BEAT_SECONDS = 10
"""So often a stream says that it is still there: proxies and phones give up silent ones."""
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


@dataclass(frozen=True)
class Limits:
    """What one lesson may bring: nobody fills the teacher's memory, nor guesses a code."""

    devices: int = 60
    picture_bytes: int = 1_000_000
    waiting_bytes: int = 100_000_000
    per_device: int = 2_000
    per_second: float = 12.0
    burst: int = 40
    wrong_codes_per_minute: int = 10
    codes: int = 6


class Refused(Exception):
    """Why something was not taken: a word that the page has a sentence for, an HTTP status, and the seconds until it may go."""

    def __init__(self, reason: str, status: int, wait: float = 0.0) -> None:
        self.reason, self.status, self.wait = reason, status, wait
        super().__init__(reason)


@dataclass
class _Bucket:
    """A rate with a burst: `left` fills up by `per_second`, and one thing takes one."""

    per_second: float
    burst: float
    left: float
    at: float

    def take(self, now: float) -> float:
        """Take one; 0, or the seconds until there is one."""
        self.left = min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.per_second
        self.left -= 1
        return 0.0


@dataclass
class Device:
    """One phone, from its code on."""

    id: str
    number: int
    token: str
    rate: _Bucket
    taken: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Picture:
    """One picture that waits, of the phone with this id and number; `data` is a JPEG's or PNG's bytes."""

    id: str
    device: str
    number: int
    class_id: str
    data: bytes


class Collection:
    """All of it, in memory, for as long as the server runs. Every method may be called from any thread.

    `clock` gives seconds that only grow.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or Limits()
        self.key = secrets.token_urlsafe(24)
        """Who has it is the teacher."""
        self._clock = clock
        self._changed = threading.Condition()
        self._open = False
        self._over = False
        self._classes: Sequence[JsonObject] = ()
        self._codes: list[str] = []
        self._used: set[str] = set()
        self._devices: dict[str, Device] = {}
        self._numbers = 0
        self._waiting: dict[str, Picture] = {}
        self._tries: dict[str, _Bucket] = {}

    # What the teacher's page asks for.

    def open(self, classes: Sequence[JsonObject], codes: int) -> None:
        """Begin, or go on with other classes (`id` and `name` each) or another number of codes on show."""
        with self._changed:
            self._open = True
            self._classes = classes
            wanted = max(1, min(codes, self.limits.codes))
            self._codes = self._codes[:wanted] + [self._new_code() for _ in range(wanted - len(self._codes))]
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more; what waits is still handed over. Every phone is told, and needs a new code next time."""
        with self._changed:
            self._open = False
            self._codes, self._devices = [], {}
            self._changed.notify_all()

    def remove_device(self, device_id: str) -> None:
        """One phone sends nothing more, and what waits of it is dropped."""
        with self._changed:
            self._devices.pop(device_id, None)
            self._waiting = {key: picture for key, picture in self._waiting.items() if picture.device != device_id}
            self._changed.notify_all()

    def picture(self, picture_id: str) -> bytes:
        """The bytes of one that waits. Raises Refused where it does not."""
        with self._changed:
            if picture_id not in self._waiting:
                raise Refused("gone", 404)
            return self._waiting[picture_id].data

    def handed_over(self, picture_id: str) -> None:
        """The teacher's page has it: it is forgotten here."""
        with self._changed:
            self._waiting.pop(picture_id, None)
            self._changed.notify_all()

    def has_code(self, code: str) -> bool:
        """Whether it is on show."""
        with self._changed:
            return code in self._codes

    def news_for_teacher(self) -> Iterator[bytes]:
        """Server-sent events: the whole state, now and after each change."""
        return self._news(self._state_for_teacher)

    # What phones ask for.

    def join(self, code: str, client: str) -> Device:
        """Admit the phone at `client` for a code that nobody has used. Raises Refused."""
        with self._changed:
            now = self._clock()
            per_minute = self.limits.wrong_codes_per_minute
            tries = self._tries.setdefault(client, _Bucket(per_minute / 60, per_minute, per_minute, now))
            code = re.sub(r"[^A-Z0-9]", "", code.upper())
            if not self._open:
                raise Refused("closed", 409)
            if code in self._used:
                raise Refused("used-code", 410)
            if wait := tries.take(now) if code not in self._codes else 0.0:
                raise Refused("too-many-tries", 429, wait)
            if code not in self._codes:
                raise Refused("wrong-code", 403)
            if len(self._devices) >= self.limits.devices:
                raise Refused("full", 409)
            self._used.add(code)
            self._codes[self._codes.index(code)] = self._new_code()
            self._numbers += 1
            limits = self.limits
            rate = _Bucket(limits.per_second, limits.burst, limits.burst, now)
            device = Device(secrets.token_hex(4), self._numbers, secrets.token_urlsafe(24), rate)
            self._devices[device.id] = device
            self._changed.notify_all()
            return device

    def device(self, token: str) -> Device:
        """Whose token it is. Raises Refused where the phone was removed, or the lesson is over."""
        with self._changed:
            found = next((d for d in self._devices.values() if secrets.compare_digest(d.token.encode(), token.encode())), None)
            if found is None:
                raise Refused("removed" if self._open else "closed", 401)
            return found

    def may_send(self, device: Device, length: int) -> None:
        """Whether `device` may send a picture of `length` bytes now. Raises Refused, with the seconds to wait where that helps."""
        with self._changed:
            if length > self.limits.picture_bytes:
                raise Refused("too-large", 413)
            if len(device.taken) >= self.limits.per_device:
                raise Refused("too-many", 409)
            if wait := device.rate.take(self._clock()):
                raise Refused("too-fast", 429, wait)

    def add(self, device: Device, class_id: str, picture_id: str, data: bytes) -> None:
        """Take a picture; the same `picture_id` again, as after a cut connection, changes nothing. Raises Refused."""
        if not data.startswith(_FIRST_BYTES):
            raise Refused("no-picture", 415)
        if not _PICTURE_ID.fullmatch(picture_id):
            raise Refused("malformed", 400)
        with self._changed:
            if device.id not in self._devices:
                raise Refused("removed" if self._open else "closed", 401)
            if class_id not in {one["id"] for one in self._classes}:
                raise Refused("no-class", 409)
            if picture_id in device.taken:
                return
            if sum(len(picture.data) for picture in self._waiting.values()) + len(data) > self.limits.waiting_bytes:
                raise Refused("waiting-full", 503, 2.0)
            device.taken.add(picture_id)
            key = f"{device.id}.{picture_id}"
            self._waiting[key] = Picture(key, device.id, device.number, class_id, data)
            self._changed.notify_all()

    def news_for(self, device: Device) -> Iterator[bytes]:
        """Server-sent events: the classes, now and after each change; the last says why it is over."""
        return self._news(lambda: self._state_for(device))

    def end(self) -> None:
        """End every stream: the server stops."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _state_for_teacher(self) -> tuple[JsonObject, bool]:
        # With the phone's number: the phone itself is not known any more where the lesson was closed since.
        waiting: list[JsonObject] = [
            {"id": p.id, "device": p.device, "number": p.number, "class": p.class_id} for p in self._waiting.values()
        ]
        devices: list[JsonObject] = [{"id": d.id, "number": d.number, "pictures": len(d.taken)} for d in self._devices.values()]
        return {"open": self._open, "codes": self._codes, "devices": devices, "waiting": waiting}, False

    def _state_for(self, device: Device) -> tuple[JsonObject, bool]:
        if device.id in self._devices:
            return {"classes": self._classes}, False
        return {"over": "removed" if self._open else "closed"}, True

    def _news(self, state: Callable[[], tuple[JsonObject, bool]]) -> Iterator[bytes]:
        told = None
        while True:
            with self._changed:
                if self._over:
                    return
                news, is_last = state()
                text = json.dumps(news)
                if text == told and not self._changed.wait(_BEAT_SECONDS):
                    text = ""
                elif text == told:
                    continue
            told = text or told
            yield f"data: {text}\n\n".encode() if text else b": still here\n\n"
            if is_last:
                return

    def _new_code(self) -> str:
        while True:
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            if code not in self._used and code not in self._codes:
                return code
