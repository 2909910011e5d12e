"""Who published a page: an Ed25519 signature over its manifest.json, which holds the hash of every other file."""

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

from pagesight import manifest
from pagesight.errors import BundleError, OptionError, VerifyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_HOW = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out public.pem"


def private_key(path: Path) -> "Ed25519PrivateKey":
    """The key to sign with, a PEM file without a password. Raises OptionError for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_pem(path), None)
    except TypeError as cause:
        raise OptionError(f"{path} is locked by a password", fix=f"openssl pkey -in {path} -out unlocked.pem") from cause
    except UnsupportedAlgorithm as cause:
        raise OptionError(f"{path} is a key of another kind than Ed25519", fix=f"make one: {_HOW}") from cause
    except ValueError as cause:
        raise OptionError(f"{path} is no private key in PEM form", fix=f"make one: {_HOW}") from cause
    if not isinstance(key, Ed25519PrivateKey):
        raise OptionError(f"{path} is a key of another kind than Ed25519", fix=f"make one: {_HOW}")
    return key


def public_key(path: Path) -> "Ed25519PublicKey":
    """The key to check with, a PEM file. Raises OptionError for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_pem(path))
    except UnsupportedAlgorithm as cause:
        raise OptionError(f"{path} is a key of another kind than Ed25519", fix=f"make one: {_HOW}") from cause
    except ValueError as cause:
        raise OptionError(f"{path} is no public key in PEM form", fix="openssl pkey -in key.pem -pubout -out public.pem") from cause
    if not isinstance(key, Ed25519PublicKey):
        raise OptionError(f"{path} is a key of another kind than Ed25519", fix=f"make one: {_HOW}")
    return key


def sign(folder: Path, key: "Ed25519PrivateKey") -> None:
    """Write `manifest.sig` beside manifest.json: the signature, 64 bytes in base64. Raises BundleError without a manifest."""
    try:
        signed = (folder / manifest.FILE_NAME).read_bytes()
    except OSError as cause:
        raise BundleError(f"{folder} has no manifest.json to sign", fix="give the folder that `pagesight build` wrote") from cause
    (folder / manifest.SIGNATURE).write_bytes(base64.b64encode(key.sign(signed)) + b"\n")


def check(folder: Path, key: "Ed25519PublicKey") -> None:
    """Raise VerifyError unless `manifest.sig` was made with this key's private half for the manifest.json in `folder`.

    It says nothing of the other files: `verify` compares them with the manifest.
    """
    from cryptography.exceptions import InvalidSignature

    place = folder / manifest.SIGNATURE
    if not place.is_file():
        raise VerifyError(f"{folder} is not signed: it has no {place.name}", fix="sign it (--sign KEY), or leave --key out")
    try:
        key.verify(base64.b64decode(place.read_bytes().strip(), validate=True), (folder / manifest.FILE_NAME).read_bytes())
    except (InvalidSignature, binascii.Error, OSError) as cause:
        raise VerifyError(
            f"{place} was not made with this key for this manifest.json",
            fix="do not publish this copy: get it again, and the key, from whoever signed it",
        ) from cause


def _pem(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise OptionError(f"{path} cannot be read: {cause.strerror}", fix="give the path of a key's PEM file") from cause
