"""The page's icon and logo: its own, or a file of the user's, cleaned and served as a file."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image, UnidentifiedImageError

from pagesight import progress
from pagesight.errors import OptionError

_SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_DRAWS = re.compile(
    r"svg|g|defs|symbol|use|title|desc|path|rect|circle|ellipse|line|poly(line|gon)|t(ext|span)|image|style|stop|clipPath|mask|pattern"
    r"|(linear|radial)Gradient|filter|fe[A-Z]\w+"
)
"""SVG elements that draw: no scripts, links, foreign objects or animations."""
_INSIDE = re.compile(r"#|data:image/(png|jpeg|webp|gif);base64,")
_REACHES_OUT = re.compile(r"@import|url\((?!\s*['\"]?#)|javascript:", re.IGNORECASE)
_MOST_BYTES = 1 << 20
_SIDES = (192, 512)


@dataclass(frozen=True)
class Icon:
    """One line of the web app's manifest; the first is the page's icon."""

    path: str
    sizes: str
    type: str
    purpose: str = "any"


OWN = (
    Icon("icon.svg", "any", "image/svg+xml"),
    *(Icon(f"icon-{side}.png", f"{side}x{side}", "image/png", "any maskable") for side in _SIDES),
)
"""The icons of a page without a logo."""


def check_logo(logo: Path) -> None:
    """Raise OptionError when `logo` cannot be one by its name and size."""
    if logo.suffix.lower() not in (".svg", ".png") or not logo.is_file():
        raise OptionError(f"{logo} is not a usable logo file", fix="give an .svg or .png file that is there")
    if logo.stat().st_size > _MOST_BYTES:
        raise OptionError(f"the logo {logo} is larger than 1 MB", fix="save it smaller: it is shown at a few centimetres")


def write_logo(logo: Path, into: Path) -> tuple[str, tuple[Icon, ...]]:
    """Write `logo` (.svg or .png) into a bundle in place of its icons; the path for the heading, and the icons.

    An SVG keeps only what draws, a PNG only its pixels. Raises OptionError for a file that is neither.
    """
    check_logo(logo)
    for icon in OWN:
        (into / icon.path).unlink()
    if logo.suffix.lower() == ".svg":
        (into / "logo.svg").write_bytes(_drawing(logo))
        return "logo.svg", (Icon("logo.svg", "any", "image/svg+xml"),)
    return "logo.png", _pictures(logo, into)


def _drawing(logo: Path) -> bytes:
    """The SVG without anything that could run or fetch."""
    try:
        root = fromstring(logo.read_bytes())
    except DefusedXmlException as cause:
        raise OptionError(f"{logo} declares entities, which a drawing does not need", fix="save it as a plain SVG") from cause
    except (ElementTree.ParseError, ValueError, LookupError) as cause:  # also of an encoding that there is not
        raise OptionError(f"{logo} is not a valid SVG: {cause}", fix="give an .svg or .png file") from cause
    if root.tag != f"{{{_SVG}}}svg":
        raise OptionError(f"{logo} is XML, but no SVG", fix="give an .svg or .png file")
    dropped: set[str] = set()
    _clean(root, dropped)
    if dropped:
        progress.note(f"{logo.name}: left out {', '.join(sorted(dropped))}")
    ElementTree.register_namespace("", _SVG)
    return bytes(ElementTree.tostring(root, encoding="utf-8")) + b"\n"


def _clean(element: ElementTree.Element, dropped: set[str]) -> None:
    for name, value in list(element.attrib.items()):
        link = name in ("href", _XLINK_HREF)
        foreign = "}" in name and not link
        if foreign or name.lower().startswith("on") or _REACHES_OUT.search(value) or (link and not _INSIDE.match(value)):
            del element.attrib[name]
            dropped.add(name.split("}")[-1])
    for child in list(element):
        namespace, _, tag = str(child.tag).rpartition("}")
        reaches_out = tag == "style" and _REACHES_OUT.search("".join(child.itertext()))
        if namespace != f"{{{_SVG}" or not _DRAWS.fullmatch(tag) or reaches_out:
            element.remove(child)
            dropped.add(tag)
        else:
            _clean(child, dropped)


def _pictures(logo: Path, into: Path) -> tuple[Icon, ...]:
    """The PNG's pixels without metadata, and on a transparent square in the sizes that devices ask for."""
    try:
        with Image.open(logo, formats=("PNG",)) as opened:
            image = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as cause:
        raise OptionError(f"{logo} cannot be read as a PNG", fix="give an .svg or .png file") from cause
    image.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    image.save(into / "logo.png", optimize=True)
    icons = []
    for side in _SIDES:
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        model_input = Image.new("RGBA", (side, side))
        model_input.paste(image.resize(size, Image.Resampling.LANCZOS), ((side - size[0]) // 2, (side - size[1]) // 2))
        model_input.save(into / f"icon-{side}.png", optimize=True)
        icons.append(Icon(f"icon-{side}.png", f"{side}x{side}", "image/png"))
    return tuple(icons)
