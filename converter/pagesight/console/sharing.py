"""`pagesight serve --share`: a page for the phones in the room, with a code to scan and what their browsers will say."""

import contextlib
import io
import ipaddress
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import click
import segno

from pagesight.certificate import local_addresses, make_certificate
from pagesight.errors import BundleError
from pagesight.serve import serving

_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - that is what is asked for
_WHAT_TO_DO = """\
Scan the code with a phone's camera. Its browser warns that it does not know who made the certificate: it was made here, just now.
Choose 'Advanced' or 'Show details', then 'Proceed' or 'visit this website'. Pictures stay on each phone.
To be sure that it is this machine, compare the certificate's SHA-256 fingerprint:
  {fingerprint}
"""


@contextlib.contextmanager
def shared(folder: Path, *, host: str, port: int, cors: bool = False) -> Iterator[str]:
    """Serve `folder` by https to the local network, print how to reach it, and yield the address that phones are given.

    Raises BundleError where this machine is on no network, where the folder holds no page, or where the port is taken.
    """
    addresses, listening = _reached_by(host)
    if not addresses:
        raise BundleError(
            "this machine is on no network that phones could reach it by",
            fix="join the phones' network, or pass --host with this machine's address in it",
        )
    certificate = make_certificate(addresses)
    with serving(folder, host=listening, port=port, cors=cors, tls=certificate.context) as bound:
        address, *others = (_address(a, urllib.parse.urlsplit(bound).port) for a in addresses)
        click.echo(f"{folder} is at {address} for every device on this network (Ctrl-C stops)\n")
        click.echo(qr_code(address))
        click.echo(_WHAT_TO_DO.format(fingerprint=certificate.fingerprint))
        if others:
            click.echo(f"Where that does not answer: {', '.join(others)}")
        yield address


def _reached_by(host: str) -> tuple[list[str], str]:
    """The addresses or the name that phones are given, and the address to listen at. Raises BundleError for an unknown name."""
    if host in ("localhost", *_EVERY_ADDRESS):
        return local_addresses(), host if host in _EVERY_ADDRESS else _EVERY_ADDRESS[0]
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as cause:
        raise BundleError(f"nothing is known by the name {host}", fix="pass --host with an address of this machine") from cause
    outside = [address for address in found if not ipaddress.ip_address(address.partition("%")[0]).is_loopback]
    # A machine often knows itself by an address that only it can reach: then its name is good for the phones alone.
    return [host], outside[0] if outside else host if host in found else _EVERY_ADDRESS[0]


def _address(host: str, port: int | None) -> str:
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/"


def qr_code(text: str) -> str:
    """`text` as a QR code in block characters, dark on light on a dark terminal and on a light one."""
    out = io.StringIO()
    segno.make(text, error="m").terminal(out=out, border=2, compact=True)
    return out.getvalue()
