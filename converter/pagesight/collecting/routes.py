"""What `pagesight serve --share` answers below /collect/: the phone's page, and both sides' requests."""

import io
import json
import re
import secrets
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import segno

from pagesight import languages, resources
from pagesight.collecting.collection import Collection, Device, Refused
from pagesight.json_values import JsonObject, object_in
from pagesight.routing import Answer, Asked

COOKIE = "pagesight-collect"
"""Names the cookie by which the server tells the page on this machine, and nobody else, the teacher's key."""
_FOLDER = "/collect/"
_MOST_JSON = 100_000
_MOST_CLASSES = 200
"""As many as the page takes."""
_CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' blob:; style-src 'self'; media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'"
)
_FILES = {"phone.js": "text/javascript", "panel.js": "text/javascript", "phone.css": "text/css", "panel.css": "text/css"}


class Routes:
    """Answers for `collection`, in the language of the page in `folder`; `host` is the one that phones are given."""

    def __init__(self, collection: Collection, folder: Path, *, host: str) -> None:
        self._collection = collection
        self._host = host
        self._title, language = _page_facts(folder)
        self._words = languages.catalogue(language if language in languages.known() else "en")
        self._language = language
        self._folder = resources.web_template() / "collect"

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer; None for what is no path of this."""
        if not asked.path.startswith(_FOLDER):
            return None
        try:
            return self._answer(asked)
        except Refused as why:
            return _refusal(why)

    def cookie(self, asked: Asked) -> str | None:
        """What is added to any answer for a browser on this machine: the teacher's key. None for everybody else.

        A page of another site that has its name point here (DNS rebinding) comes under its own name, and gets none.
        """
        if not _is_own(asked):
            return None
        return f"{COOKIE}-{asked.port}={self._collection.key}; Path=/; SameSite=Strict"

    def _answer(self, asked: Asked) -> Answer:
        rest = asked.path.removeprefix(_FOLDER)
        what, _, name = rest.partition("/")
        if asked.method == "GET" and (file := self._file(rest, asked)):
            return file
        if act := _TEACHER.get((asked.method, what)):
            self._check_teacher(asked)
            return act(self._collection, name, asked)
        if (asked.method, rest) == ("POST", "join"):
            return self._join(asked)
        if act_of := _PHONE.get((asked.method, rest)):
            return act_of(self._collection, self._collection.device(asked.token), asked)
        raise Refused("no-path", HTTPStatus.NOT_FOUND)

    def _file(self, path: str, asked: Asked) -> Answer | None:
        if path == "":
            return self._phone_page()
        if path in _FILES:
            return Answer((self._folder / path).read_bytes(), f"{_FILES[path]}; charset=utf-8")
        if path == "words.json":
            return _json({"collect": self._words["collect"], "address": f"https://{self._host}:{asked.port}{_FOLDER}"})
        # For the teacher's screen alone: to anybody else the answer would say whether a guessed code is good.
        code = re.fullmatch(r"codes/(\w+)\.svg", path)
        if code and _is_own(asked) and self._collection.has_code(code[1]):
            return self._qr_code(code[1], asked.port)
        return None

    def _check_teacher(self, asked: Asked) -> None:
        if not _is_own(asked) or not secrets.compare_digest(asked.token.encode(), self._collection.key.encode()):
            raise Refused("not-the-teacher", HTTPStatus.FORBIDDEN)

    def _join(self, asked: Asked) -> Answer:
        code = _body(asked).get("code")
        device = self._collection.join(code if isinstance(code, str) else "", asked.client)
        return _json({"token": device.token, "number": device.number})

    def _qr_code(self, code: str, port: int) -> Answer:
        out = io.BytesIO()
        segno.make(f"https://{self._host}:{port}{_FOLDER}#{code}", error="m").save(out, kind="svg", scale=8, border=2, light="#fff")
        return Answer(out.getvalue(), "image/svg+xml")

    def _phone_page(self) -> Answer:
        # In a script element only '<' could end it early.
        page = {name: self._words["page"][name] for name in ("camera", "failures", "aFile")}
        words = {"collect": self._words["collect"], "page": page, "teach": {}, "lead": {}}
        text = (self._folder / "phone.html").read_text(encoding="utf-8")
        for name, value in (
            ("LANGUAGE", _escaped(self._language)),
            ("DIRECTION", self._words["direction"]),
            ("TITLE", _escaped(self._title)),
            ("WORDS", json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")),
        ):
            text = text.replace(f"%{name}%", value)
        return Answer(text.encode(), "text/html; charset=utf-8", headers={"Content-Security-Policy": _CSP})


def _page_facts(folder: Path) -> tuple[str, str]:
    """The title and the language of the page in `folder`, as its contract says them."""
    try:
        contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
        return str(contract.get("title") or contract.get("name") or ""), str(contract.get("language") or "en")
    except (OSError, ValueError, AttributeError):
        return "", "en"


def _open(collection: Collection, _: str, asked: Asked) -> Answer:
    told = _body(asked)
    classes, codes = told.get("classes"), told.get("codes")
    if not isinstance(classes, list) or not isinstance(codes, int):
        raise Refused("malformed", HTTPStatus.BAD_REQUEST)
    known = [object_in(one) for one in classes[:_MOST_CLASSES]]
    collection.open([{"id": str(one.get("id"))[:64], "name": str(one.get("name"))[:80]} for one in known], codes)
    return _json({})


def _close(collection: Collection, _: str, __: Asked) -> Answer:
    collection.close()
    return _json({})


def _state(collection: Collection, _: str, __: Asked) -> Answer:
    return Answer(collection.news_for_teacher(), "text/event-stream")


def _picture(collection: Collection, name: str, _: Asked) -> Answer:
    return Answer(collection.picture(name), "application/octet-stream")


def _forget(collection: Collection, name: str, _: Asked) -> Answer:
    collection.handed_over(name)
    return _json({})


def _remove(collection: Collection, name: str, _: Asked) -> Answer:
    collection.remove_device(name)
    return _json({})


_TEACHER: dict[tuple[str, str], Callable[[Collection, str, Asked], Answer]] = {
    ("POST", "open"): _open,
    ("POST", "close"): _close,
    ("GET", "state"): _state,
    ("GET", "pictures"): _picture,
    ("DELETE", "pictures"): _forget,
    ("DELETE", "devices"): _remove,
}


def _news(collection: Collection, device: Device, _: Asked) -> Answer:
    return Answer(collection.news_for(device), "text/event-stream")


def _send(collection: Collection, device: Device, asked: Asked) -> Answer:
    collection.may_send(device, asked.length)
    collection.add(device, asked.query.get("class", ""), asked.query.get("id", ""), asked.read())
    return _json({})


_PHONE: dict[tuple[str, str], Callable[[Collection, Device, Asked], Answer]] = {
    ("GET", "news"): _news,
    ("POST", "pictures"): _send,
}


def _is_own(asked: Asked) -> bool:
    return asked.is_local and asked.host in ("localhost", "127.0.0.1", "[::1]")


def _body(asked: Asked) -> JsonObject:
    if asked.length > _MOST_JSON:
        raise Refused("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        found = json.loads(asked.read() or b"{}")
    except ValueError as cause:
        raise Refused("malformed", HTTPStatus.BAD_REQUEST) from cause
    return object_in(found)


def _json(value: JsonObject, status: int = HTTPStatus.OK) -> Answer:
    return Answer(json.dumps(value).encode(), "application/json", HTTPStatus(status))


def _refusal(why: Refused) -> Answer:
    return _json({"reason": why.reason, "wait": why.wait}, why.status)


def _escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("%", "&#37;")):
        text = text.replace(sign, entity)
    return text
