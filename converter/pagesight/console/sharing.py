"""`pagesight serve --share`: a page for the phones in the room, with a code to scan and what their browsers will say."""

import contextlib
import io
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import click
import segno

from pagesight.certificate import local_addresses, make_certificate
from pagesight.collecting.collection import Collection
from pagesight.collecting.routes import Routes
from pagesight.errors import BundleError
from pagesight.headers import Hosting
from pagesight.serve import serving

_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - that is what is asked for
_WHAT_TO_DO = """\
On this machine, open {own} instead. Under Teach it lets phones send you pictures: 'Collect from other devices'.
Scan the code with a phone's camera. Its browser warns that it does not know who made the certificate: it was made here, just now.
Choose 'Advanced' or 'Show details', then 'Proceed' or 'visit this website'. Pictures stay on each phone unless you collect them.
To be sure that it is this machine, compare the certificate's SHA-256 fingerprint:
  {fingerprint}
"""


@contextlib.contextmanager
def shared(folder: Path, *, host: str, port: int, hosting: Hosting | None = None) -> Iterator[tuple[str, str]]:
    """Serve `folder` by https to the local network, and print how to reach it.

    Yields the address that phones are given, and the one for a browser on this machine, which needs no certificate and may
    collect pictures from the phones.

    Raises BundleError where this machine is on no network, where the folder holds no page, or where the port is taken.
    """
    addresses, listening = _reached_by(host)
    if not addresses:
        raise BundleError(
            "this machine is on no network that phones could reach it by",
            fix="join the phones' network, or pass --host with this machine's address in it",
        )
    certificate = make_certificate(addresses)
    collection = Collection()
    routes = Routes(collection, folder, host=addresses[0])
    served = serving(
        folder,
        host=listening,
        names=addresses,
        port=port,
        hosting=hosting or Hosting(),
        tls=certificate.context,
        routes=routes,
    )
    with served as bound:
        port = urllib.parse.urlsplit(bound).port or port
        (address, *others), own = [_address(a, port) for a in addresses], f"http://localhost:{port}/"
        click.echo(f"{folder} is at {address} for every device on this network (Ctrl-C stops)\n")
        click.echo(qr_code(address))
        click.echo(_WHAT_TO_DO.format(fingerprint=certificate.fingerprint, own=own))
        if others:
            click.echo(f"Where that does not answer: {', '.join(others)}")
        try:
            yield address, own
        finally:
            collection.end()


def _reached_by(host: str) -> tuple[list[str], str]:
    """The addresses or the name that phones are given, and where to listen: everywhere, as this machine asks too.

    Raises BundleError for a name that nobody knows.
    """
    if host in ("localhost", *_EVERY_ADDRESS):
        return local_addresses(), host if host in _EVERY_ADDRESS else _EVERY_ADDRESS[0]
    try:
        families = {info[0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as cause:
        raise BundleError(f"nothing is known by the name {host}", fix="pass --host with an address of this machine") from cause
    return [host], _EVERY_ADDRESS[0] if socket.AF_INET in families else _EVERY_ADDRESS[1]


def _address(host: str, port: int) -> str:
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/"


def qr_code(text: str) -> str:
    """`text` as a QR code in block characters, dark on light on a dark terminal and on a light one."""
    out = io.StringIO()
    segno.make(text, error="m").terminal(out=out, border=2, compact=True)
    return out.getvalue()
