"""A theme: a folder that fills blocks of the page's template and adds styles to its own."""

import difflib
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pagesight.errors import BundleError, OptionError

TEMPLATE, STYLES, FILES = "index.html.j2", "theme.css", "theme"
_BASE = f"pagesight/{TEMPLATE}"


def check_theme(theme: Path) -> None:
    """Raise OptionError where `theme` is not a folder, changes nothing, or holds what a theme has no use for."""
    if not theme.is_dir():
        raise OptionError(f"there is no theme folder {theme}", fix=f"give a folder with {TEMPLATE} or {STYLES}")
    names = {path.name for path in theme.iterdir() if not path.name.startswith(".")}
    if not names & {TEMPLATE, STYLES}:
        raise OptionError(f"the theme {theme} holds neither {TEMPLATE} nor {STYLES}", fix=f"add one: {_EXAMPLE}")
    for name in sorted(names - {TEMPLATE, STYLES, FILES}):
        if Path(name).suffix not in (".j2", ".md"):
            near = difflib.get_close_matches(name, (TEMPLATE, STYLES, FILES), n=1)
            hint = f"did you mean {near[0]}?" if near else f"put pictures and fonts into {theme / FILES}"
            raise OptionError(f"a theme has no use for {theme / name}", fix=hint)


_EXAMPLE = f'{TEMPLATE} begins with {{% extends "{_BASE}" %}}'


def copy_theme(theme: Path, into: Path) -> None:
    """Copy the styles, and the files that they name, into a bundle. Raises OptionError as check_theme() does."""
    check_theme(theme)
    if (theme / STYLES).is_file():
        shutil.copyfile(theme / STYLES, into / STYLES)
    if (theme / FILES).is_dir():
        shutil.copytree(theme / FILES, into / FILES)


def render_page(page: Path, theme: Path | None, name: str, context: Mapping[str, object]) -> str:  # open: what a template names
    """The template `name` of `page`, with the blocks that `theme` fills.

    Raises BundleError where the theme's template is broken, fills a block that the page lacks, or drops an element that the
    page's script needs. A theme's template runs in a sandbox: it sees the page's words, and nothing of Python.
    """
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    own = FileSystemLoader(page)
    loaders = [PrefixLoader({"pagesight": own}), own]
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.loader = ChoiceLoader(loaders)
    plain = environment.get_template(name).render(context)
    if theme is None or not (theme / name).is_file():
        return plain
    environment.loader = ChoiceLoader([FileSystemLoader(theme), *loaders])
    environment.cache = None
    try:
        _check_blocks(environment, theme / name, page / name)
        themed = environment.get_template(name).render(context)
    except (TemplateError, TypeError) as cause:
        line = getattr(cause, "lineno", None)
        where = f"{theme / name}, line {line}" if line else str(theme / name)
        raise BundleError(f"the theme's template is broken: {where}: {cause}", fix="fix it, or leave the block as it is") from cause
    missing = sorted(_ids(plain) - _ids(themed))
    if missing:
        listed = ", ".join(f"#{name}" for name in missing)
        raise BundleError(
            f"{theme / name} leaves out what the page's script needs: {listed}",
            fix="keep these elements ({{ super() }} gives the block as it was), and hide them in theme.css",
        )
    return themed


def _check_blocks(environment: Any, themed: Path, own: Path) -> None:
    from jinja2 import nodes

    theirs = environment.parse(themed.read_text(encoding="utf-8"), filename=str(themed))
    if not any(extends.template.as_const() == _BASE for extends in theirs.find_all(nodes.Extends)):
        raise BundleError(f"{themed} does not extend the page", fix=f'begin it with {{% extends "{_BASE}" %}}')
    known = {block.name for block in environment.parse(own.read_text(encoding="utf-8")).find_all(nodes.Block)}
    for block in (node for node in theirs.body if isinstance(node, nodes.Block)):
        if block.name not in known:
            near = difflib.get_close_matches(block.name, known, n=1)
            raise BundleError(
                f"{themed}, line {block.lineno}, fills a block {block.name!r} that the page does not have",
                fix=f"did you mean {near[0]!r}?" if near else f"the blocks are {', '.join(sorted(known))}",
            )


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name == "id" and value}


def _ids(html: str) -> set[str]:
    parser = _Ids()
    parser.feed(html)
    return parser.found
