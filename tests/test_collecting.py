"""Promises of collecting from phones: who may do what, what is refused and how it is said, and that nothing is lost or kept."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pagesight.collecting.collection import Collection, Limits, Refused
from pagesight.console.sharing import shared

JPEG = b"\xff\xd8\xff" + bytes(1000)
CLASSES = [{"id": "a", "name": "Ants"}, {"id": "b", "name": "Bees"}]


@dataclass
class Room:
    """A shared page, and requests to it."""

    address: str
    own: str

    @property
    def key(self) -> str:
        """The teacher's."""
        return self.request(self.own, "GET", "").headers["Set-Cookie"].split(";")[0].partition("=")[2]

    def connect(self, base: str) -> http.client.HTTPConnection:
        where = urllib.parse.urlsplit(base)
        if where.scheme == "http":
            return http.client.HTTPConnection("127.0.0.1", where.port or 0, timeout=60)
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", where.port or 0, timeout=60, context=trusting)

    def request(
        self, base: str, method: str, path: str, body: bytes | None = None, token: str = "", **headers: str
    ) -> http.client.HTTPResponse:
        with contextlib.closing(self.connect(base)) as connection:
            connection.request(method, f"/{path}", body, {"Authorization": f"Bearer {token}", **headers})
            response = connection.getresponse()
            response.text = response.read()  # type: ignore[attr-defined]
            return response

    def teacher(self, method: str, path: str, told: dict[str, Any] | None = None, **how: str) -> tuple[int, Any]:
        body = json.dumps(told).encode() if told is not None else None
        response = self.request(self.own, method, f"collect/{path}", body, how.pop("token", self.key), **how)
        return response.status, _read(response)

    def phone(self, path: str, body: bytes | dict[str, Any], token: str = "") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.request(self.address, "POST", f"collect/{path}", data, token)
        return response.status, _read(response)

    def state(self) -> dict[str, Any]:
        """What the teacher's page hears first when it listens."""
        with contextlib.closing(self.connect(self.own)) as connection:
            connection.request("GET", "/collect/state", headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            assert response.headers["Content-Type"] == "text/event-stream"
            return dict(json.loads(response.readline().removeprefix(b"data: ")))

    def join(self) -> str:
        """A phone's token."""
        status, told = self.phone("join", {"code": self.state()["codes"][0]})
        assert status == 200
        return str(told["token"])


def _read(response: http.client.HTTPResponse) -> Any:
    body: bytes = response.text  # type: ignore[attr-defined]
    return json.loads(body) if response.headers["Content-Type"] == "application/json" else body


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (folder / "contract.json").write_text('{"title": "A </script> & B", "language": "de"}', encoding="utf-8")
    with shared(folder, host="127.0.0.1", port=0) as (address, own):
        yield Room(address, own)


@pytest.fixture
def collecting(room: Room) -> Iterator[Room]:
    assert room.teacher("POST", "open", {"classes": CLASSES, "codes": 1})[0] == 200
    yield room
    room.teacher("POST", "close")


def test_it_is_off_until_the_teacher_begins(room: Room) -> None:
    assert room.state() == {"open": False, "codes": [], "devices": [], "waiting": []}
    assert room.phone("join", {"code": "ABCDEF"}) == (409, {"reason": "closed", "wait": 0.0})


def test_only_a_browser_on_this_machine_under_its_own_name_is_the_teacher(collecting: Room) -> None:
    assert collecting.teacher("POST", "close", token="guessed")[0] == 403
    # Another site whose name was made to point here is given no key, and cannot use one.
    foreign = collecting.request(collecting.own, "GET", "", Host="evil.example:80")
    assert "Set-Cookie" not in foreign.headers
    assert collecting.teacher("POST", "close", Host="evil.example")[0] == 403
    cookie = collecting.request(collecting.own, "GET", "").headers["Set-Cookie"]
    assert "SameSite=Strict" in cookie
    assert collecting.state()["open"]


def test_nobody_else_is_told_whether_a_code_is_good(collecting: Room) -> None:
    (code,) = collecting.state()["codes"]
    path = f"collect/codes/{code}.svg"
    assert collecting.request(collecting.own, "GET", path).headers["Content-Type"] == "image/svg+xml"
    assert collecting.request(collecting.own, "GET", path, Host="192.0.2.7").status == 404
    assert collecting.request(collecting.own, "GET", f"collect/{code}").status == 404


def test_pictures_that_waited_when_the_lesson_was_closed_are_still_those_of_their_phone(collecting: Room) -> None:
    _, told = collecting.phone("join", {"code": collecting.state()["codes"][0]})
    collecting.phone("pictures?class=a&id=1", JPEG, told["token"])
    (device,) = collecting.state()["devices"]
    collecting.teacher("POST", "close")
    (waiting,) = collecting.state()["waiting"]
    assert (waiting["device"], waiting["number"]) == (device["id"], told["number"])
    collecting.teacher("DELETE", f"pictures/{waiting['id']}")


def test_a_picture_goes_from_a_phone_to_the_teacher_and_is_forgotten(collecting: Room) -> None:
    token = collecting.join()
    for _ in range(2):  # as after an answer that was lost
        assert collecting.phone("pictures?class=a&id=1-2", JPEG, token)[0] == 200
    (waiting,) = collecting.state()["waiting"]
    assert waiting["class"] == "a"
    assert collecting.teacher("GET", f"pictures/{waiting['id']}") == (200, JPEG)
    assert collecting.teacher("DELETE", f"pictures/{waiting['id']}")[0] == 200
    assert collecting.teacher("GET", f"pictures/{waiting['id']}")[0] == 404
    assert [device["pictures"] for device in collecting.state()["devices"]] == [1]
    assert collecting.phone("pictures?class=a&id=1-2", JPEG, token)[0] == 200
    assert collecting.state()["waiting"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("pictures?class=a&id=1", JPEG + bytes(10_000_000), 413, "too-large"),
        ("pictures?class=a&id=1", b"<svg onload=alert(1)>", 415, "no-picture"),
        ("pictures?class=gone&id=1", JPEG, 409, "no-class"),
        ("pictures?class=a&id=../../etc", JPEG, 400, "malformed"),
        ("join", b"[", 400, "malformed"),
        ("join", {"code": "no one's"}, 403, "wrong-code"),
        ("nothing", b"", 404, "no-path"),
    ],
    ids=["10 MB", "no picture", "no such class", "no id", "no JSON", "wrong code", "no path"],
)
def test_what_is_refused_is_said_and_nothing_comes_of_it(
    collecting: Room, path: str, body: bytes | dict[str, Any], status: int, reason: str
) -> None:
    token = collecting.join()
    assert collecting.phone(path, body, token) == (status, {"reason": reason, "wait": 0.0})
    assert collecting.state()["waiting"] == []


def test_a_code_is_good_once_and_a_phone_that_was_removed_sends_nothing_more(collecting: Room) -> None:
    code = collecting.state()["codes"][0]
    _, told = collecting.phone("join", {"code": f" {code[:3].lower()}-{code[3:]} "})
    assert collecting.phone("join", {"code": code}) == (410, {"reason": "used-code", "wait": 0.0})
    assert collecting.request(collecting.own, "GET", f"collect/codes/{code}.svg").status == 404
    collecting.phone("pictures?class=a&id=1", JPEG, told["token"])
    (device,) = collecting.state()["devices"]
    assert collecting.teacher("DELETE", f"devices/{device['id']}")[0] == 200
    assert collecting.state()["waiting"] == []
    assert collecting.phone("pictures?class=a&id=2", JPEG, told["token"]) == (401, {"reason": "removed", "wait": 0.0})


def test_an_upload_that_is_cut_off_leaves_nothing_and_the_server_goes_on(collecting: Room) -> None:
    token = collecting.join()
    with contextlib.closing(collecting.connect(collecting.address)) as connection:
        connection.putrequest("POST", "/collect/pictures?class=a&id=1")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", str(len(JPEG)))
        connection.endheaders(JPEG[:500])
    assert collecting.state()["waiting"] == []
    assert collecting.phone("pictures?class=a&id=1", JPEG, token)[0] == 200


def test_the_phones_page_speaks_the_pages_language_and_its_title_is_no_markup(room: Room) -> None:
    response = room.request(room.address, "GET", "collect/")
    html = response.text.decode()  # type: ignore[attr-defined]
    assert '<html lang="de" dir="ltr">' in html
    assert "<title>A &lt;/script&gt; &amp; B</title>" in html
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]


def test_who_connects_without_tls_from_elsewhere_is_sent_to_https(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagesight.serve._is_loopback", lambda client: client != "127.0.0.1")
    port = urllib.parse.urlsplit(room.own).port
    response = room.request(room.own, "GET", "collect/?x=1", Host=f"192.0.2.7:{port}")
    assert (response.status, response.headers["Location"]) == (308, f"https://192.0.2.7:{port}/collect/?x=1")
    # A client that opens connections and says nothing is cut off before others are locked out.
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)))
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as one_more:
            assert one_more.recv(1) == b""


def _refused(act: Callable[[], object]) -> tuple[str, float]:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason, caught.value.wait


def test_rates_and_amounts_are_bounded_and_what_is_over_them_is_told_how_long_to_wait() -> None:
    now = [0.0]
    limits = Limits(devices=2, waiting_bytes=2500, per_device=4, per_second=2, burst=2, wrong_codes_per_minute=3)
    lesson = Collection(limits, lambda: now[0])
    lesson.open(CLASSES, 1)

    def code() -> str:
        return str(json.loads(next(lesson.news_for_teacher()).removeprefix(b"data: "))["codes"][0])

    device = lesson.join(code(), "192.0.2.1")
    for n in range(2):
        lesson.may_send(device, len(JPEG))
        lesson.add(device, "a", str(n), JPEG)
    assert _refused(lambda: lesson.may_send(device, len(JPEG))) == ("too-fast", 0.5)
    now[0] += 0.5
    lesson.may_send(device, len(JPEG))
    # The teacher's page is away: what does not fit waits on the phone.
    assert _refused(lambda: lesson.add(device, "a", "2", JPEG)) == ("waiting-full", 2.0)
    lesson.handed_over(f"{device.id}.0")
    for n in (2, 3):
        lesson.add(device, "a", str(n), JPEG) if n == 2 else lesson.handed_over(f"{device.id}.1")
    lesson.add(device, "b", "3", JPEG)
    assert _refused(lambda: lesson.may_send(device, len(JPEG))) == ("too-many", 0.0)
    assert [_refused(lambda: lesson.join("AAAAA1", "192.0.2.9"))[0] for _ in range(4)] == ["wrong-code"] * 3 + ["too-many-tries"]
    # Who guesses is held up, and others are not.
    lesson.join(code(), "192.0.2.2")
    assert _refused(lambda: lesson.join(code(), "192.0.2.3")) == ("full", 0.0)


def test_a_stream_tells_every_change_and_ends_with_the_reason() -> None:
    lesson = Collection()
    lesson.open(CLASSES[:1], 1)
    code = json.loads(next(lesson.news_for_teacher()).removeprefix(b"data: "))["codes"][0]
    device = lesson.join(code, "192.0.2.1")
    heard: list[Any] = []

    def listen() -> None:
        for event in lesson.news_for(device):
            heard.append(json.loads(event.removeprefix(b"data: ")))
            if heard[-1] == {"classes": CLASSES[:1]}:
                lesson.open(CLASSES, 1)
            elif heard[-1] == {"classes": CLASSES}:
                lesson.close()

    listener = threading.Thread(target=listen)
    listener.start()
    listener.join(60)
    assert heard == [{"classes": CLASSES[:1]}, {"classes": CLASSES}, {"over": "closed"}]


def test_nothing_is_written_to_disk(collecting: Room) -> None:
    written: list[str] = []
    watching = True

    def hook(event: str, facts: tuple[Any, ...]) -> None:
        if watching and event == "open" and facts[2] & (os.O_WRONLY | os.O_RDWR):
            written.append(str(facts[0]))

    sys.addaudithook(hook)  # hears every file that Python opens, and stays
    assert collecting.phone("pictures?class=a&id=1", JPEG, collecting.join())[0] == 200
    watching = False
    assert written == []
