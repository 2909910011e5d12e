"""Promises about a logo: a file that would do harm when it is read is refused, in whatever letters it is written."""

from pathlib import Path

import pytest

from pagesight.errors import OptionError
from pagesight.page.logo import OWN, write_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>{}</title><rect width="9" height="9"/></svg>'
LAUGHS = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>' + SVG.format("&c;")
FETCHES = '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + SVG.format("&a;")


def written(folder: Path, data: bytes) -> bytes:
    for icon in OWN:
        (folder / icon.path).touch()
    (folder / "mine.svg").write_bytes(data)
    write_logo(folder / "mine.svg", folder)
    return (folder / "logo.svg").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize("text", [LAUGHS, FETCHES], ids=["laughs", "fetches"])
def test_entities_are_refused_in_every_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    with pytest.raises(OptionError, match="declares entities"):
        written(tmp_path, f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))


@pytest.mark.parametrize("encoding", ["klingon", "shift_jis"])
def test_a_logo_in_letters_that_nobody_reads_is_no_svg(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(OptionError, match="is not a valid SVG"):
        written(tmp_path, f'<?xml version="1.0" encoding="{encoding}"?>{SVG}'.encode())


def test_a_doctype_without_entities_as_old_programs_write_it_is_taken(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    assert b"<rect" in written(tmp_path, (doctype + SVG.format("Mine")).encode())


def test_a_page_of_another_version_is_told_in_an_error_of_its_own_each_time(tmp_path: Path) -> None:
    from pagesight.errors import BundleError
    from pagesight.page.render import name_files

    (tmp_path / "pagesight.js").write_text("old")
    causes = []
    for _ in range(2):
        with pytest.raises(BundleError, match="does not match this version") as caught:
            name_files(tmp_path, [])
        causes.append(caught.value)
    assert causes[0] is not causes[1]
