"""Promises of --sign and --key: a page is whose it says, or the command stops."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pagesight import manifest, signature
from pagesight.cli import main
from pagesight.console.options import common, signs, writes
from pagesight.errors import OptionError, VerifyError


@click.command()
@writes
@common
@signs
def stage(into: Path) -> Any:
    """Write a folder, as every stage does."""
    with manifest.atomic_output_dir(into, "stage", {}) as temporary:
        (temporary / "index.html").write_text("<!doctype html>")
    return {"page": str(into)}


def _written(folder: Path, name: str, key: Any, locked: KeySerializationEncryption | None = None) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked or NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_a_signed_page_is_known_by_its_key_until_its_manifest_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    private, public = _written(tmp_path, "ours", Ed25519PrivateKey.generate())
    _, other = _written(tmp_path, "theirs", Ed25519PrivateKey.generate())
    page = tmp_path / "page"

    def refused(key: Path) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(page), "--key", str(key)])
        assert ended.value.code == 1
        return capsys.readouterr().err

    assert CliRunner().invoke(stage, ["-o", str(page)]).exit_code == 0
    assert "is not signed: it has no manifest.sig" in refused(public)
    assert CliRunner().invoke(stage, ["-o", str(page), "--sign", str(private)]).exit_code == 0
    signature.check(page, signature.public_key(public))
    # What was signed is not changed by that, and is not taken for a stranger's file.
    assert manifest.is_fresh(page, "stage", {})
    assert "manifest.sig was not made with this key" in refused(other)
    (page / "manifest.json").write_bytes((page / "manifest.json").read_bytes() + b" ")
    assert "for this manifest.json" in refused(public)
    for broken in (b"", b"no base64!", b"AAAA"):
        (page / "manifest.sig").write_bytes(broken)
        with pytest.raises(VerifyError, match="was not made with this key"):
            signature.check(page, signature.public_key(public))


def test_what_is_no_key_to_sign_with_is_said_before_any_work(tmp_path: Path) -> None:
    ours = Ed25519PrivateKey.generate()
    locked, public = _written(tmp_path, "locked", ours, BestAvailableEncryption(b"secret"))
    foreign, foreign_public = _written(tmp_path, "foreign", generate_private_key(SECP256R1()))
    for key, why in (
        (locked, "is locked by a password"),
        (foreign, "of another kind than Ed25519"),
        (public, "is no private key"),
        (tmp_path, "cannot be read"),
    ):
        done = CliRunner().invoke(stage, ["-o", str(tmp_path / "page"), "--sign", str(key)])
        assert isinstance(done.exception, OptionError)
        assert why in str(done.exception)
        assert not (tmp_path / "page").exists()
    for key, why in ((foreign_public, "of another kind"), (foreign, "is no public key")):
        with pytest.raises(OptionError, match=why):
            signature.public_key(key)
