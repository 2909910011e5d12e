"""The response headers of a page's files: the one place that `serve`, `_headers`, nginx.conf and docs/hosting.md follow."""

import re
from dataclasses import dataclass

from pagesight.bundle_files import Role, named
from pagesight.errors import OptionError

WORKERS = tuple(sorted(named(Role.WORKER)))
"""Scripts that have a policy of their own."""
_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
_ORIGIN = re.compile(r"https?://([a-z0-9.*-]+|\[[0-9a-f:.]+\])(:([0-9]{1,5}|\*))?", re.IGNORECASE)
ASK_AGAIN = "no-cache"
"""Names stay the same from one version to the next: asked again, an unchanged file costs a 304."""
FOR_EVER = "public, max-age=31536000, immutable"
"""For an address that names the file's hash, where that was compared with the file."""
SHORTEST_HASH = 12
"""Hexadecimal digits of a sha256 that an address holds at least."""


@dataclass(frozen=True)
class Hosting:
    """What a host lets others do with a page."""

    cors: bool = False
    """Let pages of other origins load the model."""
    embed_in: tuple[str, ...] = ()
    """Origins whose pages may show this one in a frame, beside its own; `*` for all."""
    isolate: bool = True
    """Keep the page apart from others in the same browser; it then shows nothing of other origins, unless they agree."""

    def __post_init__(self) -> None:
        """Refuse what is no origin: a browser would ignore the whole list, or take it for something else."""
        for origin in self.embed_in:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise OptionError(
                    f"{origin!r} is no origin", fix="give --embed-in an address without a path, like https://example.org"
                )

    @property
    def frame_ancestors(self) -> str:
        """The directive that says who may show the page in a frame."""
        origins = ("*",) if "*" in self.embed_in else ("'self'", *self.embed_in)
        return f"frame-ancestors {' '.join(origins)}"


def for_every_file(hosting: Hosting) -> dict[str, str]:
    """Headers that every file is sent with, but for `Content-Security-Policy` and `Cache-Control`."""
    shared = hosting.cors or bool(hosting.embed_in)
    return {
        **_ALWAYS,
        **(_ISOLATED if hosting.isolate else {}),
        "Cross-Origin-Resource-Policy": "cross-origin" if shared else "same-origin",
        **({"Access-Control-Allow-Origin": "*"} if hosting.cors else {}),
    }


def policy(path: str, hosting: Hosting) -> str:
    """The `Content-Security-Policy` of the file at `path` in a bundle; pages have a stricter one within, which holds as well."""
    return f"{_WORKER_POLICY}; {hosting.frame_ancestors}" if path in WORKERS else hosting.frame_ancestors


def caching(version: str, sha256: str) -> str:
    """The `Cache-Control` of a file that was asked for with `?v=version`, where its hash is `sha256` (hexadecimal)."""
    bound = len(version) >= SHORTEST_HASH and sha256.startswith(version)
    return FOR_EVER if bound else ASK_AGAIN


def headers_file(hosting: Hosting) -> str:
    """The text of `_headers`, as Netlify and Cloudflare Pages read it.

    It cannot tell addresses by what follows their `?`, and so has every file asked for again.
    """
    rules = {"/*": {**for_every_file(hosting), "Cache-Control": ASK_AGAIN, "Content-Security-Policy": policy("", hosting)}}
    # Policies of two rules that fit are joined, and both hold.
    rules |= {f"/{name}": {"Content-Security-Policy": policy(name, hosting)} for name in WORKERS}
    return "\n".join("\n".join([path, *(f"  {n}: {v}" for n, v in rule.items()), ""]) for path, rule in rules.items())
