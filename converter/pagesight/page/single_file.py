"""A bundle as one HTML file that works by double click: code and styles in the page, every other file carried in it, packed."""

import base64
import gzip
import hashlib
import html
import json
import mimetypes
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

from pagesight import manifest, resources
from pagesight.bundle_files import Role, has
from pagesight.errors import BundleError

FOLDER = "single-file"
_DROPPED_LINKS = {"manifest", "apple-touch-icon", "preload", "modulepreload"}
_OWN_SCRIPT = "page.js"
_WRITTEN_ANEW = {("style", "styles"), ("script", "boot")}
"""Elements of the page, by tag and id: its own styles, and the script that begins to load: here all is unpacked before."""
_URL = re.compile(r"""url\(\s*(['"]?)(?!data:|#)([^'")]+)\1\s*\)""")


def find(bundle: Path) -> Path | None:
    """The single file in a bundle's folder, or None where it has none."""
    return next((bundle / FOLDER).glob("*.html"), None)


def write_single_file(bundle: Path, name: str) -> Path:
    """Write `bundle`'s folder as FOLDER/`name`.html below it and return the path; a former one is replaced.

    Raises BundleError where index.html names a file that is not in the bundle.
    """
    path = bundle / FOLDER / (re.sub(r"[^\w.-]+", "-", name) + ".html")
    text = single_file_text(bundle)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def single_file_text(bundle: Path) -> str:
    """`bundle`'s folder as one HTML page.

    The page may run no other code than what it holds: the policy in it names the hash of each script and style, and allows no
    request at all. Raises BundleError where index.html names a file that is not in the bundle.
    """
    code = (resources.web_template() / "single" / "single.js").read_text(encoding="utf-8")
    page = _Inliner(bundle, code)
    page.feed((bundle / "index.html").read_text(encoding="utf-8"))
    page.close()
    return page.text()


def pack(files: dict[str, bytes]) -> str:
    """`files` by path as base64 of gzip: a table [[path, length], …] as JSON, its length before it (uint32, big-endian), the bytes.

    The same files give the same text; web_template/src/loading/inlined_files.js takes it apart.
    """
    table = json.dumps([[path, len(data)] for path, data in files.items()], separators=(",", ":"), ensure_ascii=False).encode()
    whole = len(table).to_bytes(4, "big") + table + b"".join(files.values())
    return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()


def _carried(bundle: Path) -> dict[str, bytes]:
    """The page's files, graphics cards' workers left out, and their manifest.json: taught models are put together from it."""
    listed = {path: facts for path, facts in manifest.list_files(bundle).items() if not has(path, Role.NOT_INLINED)}
    files = {path: _inside(bundle, path).read_bytes() for path in listed}
    return files | {manifest.FILE_NAME: json.dumps({"format": 1, "files": listed}, separators=(",", ":")).encode()}


def _inside(bundle: Path, address: str) -> Path:
    """The file that `address` names. A page may be a stranger's: raises BundleError for what lies outside, links followed."""
    try:
        path = (bundle / address).resolve()
        found = path.is_relative_to(bundle.resolve()) and path.is_file()
    except (OSError, ValueError):  # longer than any name of a file, or with a NUL
        found = False
    if not found:
        raise BundleError(f"the page names {address}, which is not in its folder", fix="add the file, or take the name out")
    return path


class _Inliner(HTMLParser):
    """Copies a page tag by tag; what it would fetch is written into it."""

    def __init__(self, bundle: Path, code: str) -> None:
        super().__init__(convert_charrefs=False)
        self._bundle = bundle
        self._code = code
        self._out: list[str] = []
        self._hashes: dict[str, list[str]] = {"script": [], "style": []}
        self._policy_at: int | None = None
        # What stands in an element that is written anew, or not at all.
        self._held: list[str] | None = None

    def text(self) -> str:
        if self._policy_at is not None:
            self._out[self._policy_at] = f'<meta http-equiv="Content-Security-Policy" content="{self._policy()}">'
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._out.append(self._rewritten(tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._held is not None:
            text, self._held = "".join(self._held), None
            if tag == "style":
                self._out.append(self._style(text))
            return
        if tag == "body":
            self._out.append(f'<script type="application/octet-stream" id="carried">{pack(_carried(self._bundle))}</script>\n')
            self._out.append(self._inline("script", self._code, ' type="module"'))
        self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        (self._out if self._held is None else self._held).append(data)

    def handle_entityref(self, name: str) -> None:
        self._out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._out.append(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._out.append(f"<!{decl}>")

    def _rewritten(self, tag: str, attributes: dict[str, str | None]) -> str:
        as_it_is = self.get_starttag_text() or ""
        if tag == "meta" and (attributes.get("http-equiv") or "").lower() == "content-security-policy":
            self._policy_at = len(self._out)
            return ""
        if (tag, attributes.get("id")) in _WRITTEN_ANEW:
            self._held = []
            return ""
        address = attributes.get("href" if tag == "link" else "src") or ""
        if address and not re.match(r"[a-z]+:|//", address):
            if tag == "link":
                return self._link(attributes, address)
            if tag == "script":
                self._held = []
                own = address.partition("?")[0] == _OWN_SCRIPT  # its place is after what is carried
                return "" if own else self._inline("script", self._read(address).decode(), _kept(attributes, "src"))
            if tag == "img":
                self._read(address)
                return f'<img{_kept(attributes, "src")} data-carried="{html.escape(address)}">'
        return as_it_is.replace("<html", "<html data-single", 1) if tag == "html" else as_it_is

    def _link(self, attributes: dict[str, str | None], address: str) -> str:
        kinds = set((attributes.get("rel") or "").split())
        if kinds & _DROPPED_LINKS:
            return ""
        if "stylesheet" in kinds:
            return self._style(self._read(address).decode())
        return f'<link{_kept(attributes, "href")} href="{self._data_url(address)}">'

    def _style(self, text: str) -> str:
        return self._inline("style", _URL.sub(self._as_data, text), "")

    def _inline(self, tag: str, text: str, attributes: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        self._hashes[tag].append(f"'sha256-{digest}'")
        return f"<{tag}{attributes}>{text}</{tag}>"

    def _as_data(self, match: re.Match[str]) -> str:
        return f'url("{self._data_url(match[2])}")'

    def _data_url(self, address: str) -> str:
        kind = mimetypes.guess_type(address)[0] or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(self._read(address)).decode()}"

    def _read(self, address: str) -> bytes:
        return _inside(self._bundle, re.split("[?#]", address, maxsplit=1)[0]).read_bytes()

    def _policy(self) -> str:
        """As strict as one file can be: these scripts, these styles, a worker made from what is carried, and no request."""
        return (
            f"default-src 'none'; script-src {' '.join(self._hashes['script'])} 'wasm-unsafe-eval'; "
            f"style-src {' '.join(self._hashes['style'])}; worker-src blob:; img-src blob: data:; media-src blob:; font-src data:; "
            "base-uri 'none'; form-action 'none'"
        )


def _kept(attributes: Mapping[str, str | None], *left_out: str) -> str:
    """The attributes as markup, without those that name or seal the file that is now inside."""
    kept = {k: v for k, v in attributes.items() if k not in (*left_out, "integrity", "crossorigin")}
    return "".join(f" {k}" if v is None else f' {k}="{html.escape(v)}"' for k, v in kept.items())
