"""`pagesight serve --share`: a page for the phones in the room, with a code to scan and what their browsers will say."""

import contextlib
import io
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import click
import segno

from pagesight.certificate import local_addresses, make_certificate
from pagesight.collecting.collection import Collection
from pagesight.collecting.routes import Routes
from pagesight.errors import BundleError
from pagesight.serve import serving

_WHAT_TO_DO = """\
On this machine, open {own} instead. Under Teach it lets phones send you pictures: 'Collect from other devices'.
Scan the code with a phone's camera. Its browser warns that it does not know who made the certificate: it was made here, just now.
Choose 'Advanced' or 'Show details', then 'Proceed' or 'visit this website'. Pictures stay on each phone unless you collect them.
To be sure that it is this machine, compare the certificate's SHA-256 fingerprint:
  {fingerprint}
"""


@contextlib.contextmanager
def shared(folder: Path, *, host: str, port: int, cors: bool = False) -> Iterator[tuple[str, str]]:
    """Serve `folder` by https to the local network, and print how to reach it.

    Yields the address that phones are given, and the one for a browser on this machine, which needs no certificate and may
    collect pictures from the phones.

    Raises BundleError where this machine is on no network, where the folder holds no page, or where the port is taken.
    """
    addresses = [host] if host not in ("localhost", "0.0.0.0") else local_addresses()  # noqa: S104 - that is what is asked for
    if not addresses:
        raise BundleError(
            "this machine is on no network that phones could reach it by",
            fix="join the phones' network, or pass --host with this machine's address in it",
        )
    certificate = make_certificate(addresses)
    collection = Collection()
    routes = Routes(collection, folder, host=addresses[0])
    with serving(folder, host="0.0.0.0", port=port, cors=cors, tls=certificate.context, routes=routes) as bound:  # noqa: S104
        port = urllib.parse.urlsplit(bound).port or port
        address, own = f"https://{addresses[0]}:{port}/", f"http://localhost:{port}/"
        click.echo(f"{folder} is at {address} for every device on this network (Ctrl-C stops)\n")
        click.echo(qr_code(address))
        click.echo(_WHAT_TO_DO.format(fingerprint=certificate.fingerprint, own=own))
        if len(addresses) > 1:
            click.echo(f"Where that does not answer: {', '.join(f'https://{a}:{port}/' for a in addresses[1:])}")
        try:
            yield address, own
        finally:
            collection.end()


def qr_code(text: str) -> str:
    """`text` as a QR code in block characters, dark on light on a dark terminal and on a light one."""
    out = io.StringIO()
    segno.make(text, error="m").terminal(out=out, border=2, compact=True)
    return out.getvalue()
