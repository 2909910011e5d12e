"""First visits: bytes and milliseconds from navigation to the first answer, each in a fresh profile with an empty cache."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import CACHE
from .host import Host, brotli_bytes, hosting
from .sites import SHIPPED, Way

_PATIENCE = 120_000
_SETTLED_MS = 600
_FEW = 1
_MEGABIT = 1_000_000 / 8


@dataclass(frozen=True)
class Network:
    """What the browser's own throttle is set to; None leaves localhost as it is."""

    name: str
    latency_ms: float = 0
    megabits: float | None = None


LOCALHOST = Network("localhost")
NETWORKS = (LOCALHOST, Network("10 Mbit/s, 40 ms", 40, 10), Network("slow 4G", 150, 1.6))
"""Slow 4G as Lighthouse and the developer tools know it: 1.6 Mbit/s, 150 ms."""

# The shipped page is given its first picture as a visitor gives it one: through the file field, as soon as it takes pictures and
# maybe before the model is there. Its answer counts when it stands in the page, as in every other.
_CHOOSE_PICTURE = """
addEventListener("DOMContentLoaded", async () => {
  const picture = await (await fetch("picture.jpg")).blob();
  const [files, input, choose, label] =
    [new DataTransfer(), ...["file", "choose", "label"].map((id) => document.getElementById(id))];
  files.items.add(new File([picture], "picture.jpg", { type: "image/jpeg" }));
  const give = () => {
    if (choose.disabled) return false;
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
    return true;
  };
  const watch = new MutationObserver(() => give() && watch.disconnect());
  if (!give()) watch.observe(choose, { attributes: true });
  new MutationObserver((_, observer) => {
    if (!label.textContent) return;
    performance.mark("answer");
    console.debug("bench: answered");
    observer.disconnect();
  }).observe(label, { childList: true });
});
"""
_SAID = "bench: "
"""How a page's word to the bench begins, in its console: the bench puts nothing into a page that is still at work."""
_ANSWERED, _FAILED = _SAID + "answered", _SAID + "failed "
_WHEN = "() => ({ms: performance.getEntriesByName('answer')[0].startTime, origin: performance.timeOrigin})"


Step = Callable[[str, Callable[[], Any]], Any]
"""Measures a step that has a name, or knows what it gave."""


def _measured(_: str, measure: Callable[[], Any]) -> Any:
    return measure()


@dataclass
class Visits:
    """All first visits of one way: milliseconds by network; bytes are those of the last."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    why_not: str = ""

    def add(self, network: Network, visit: Mapping[str, Any]) -> None:
        """One visit more, as `_visit` found it; one that failed tells why, where there was none before."""
        if "why_not" in visit:
            self.why_not = "" if self.milliseconds else visit["why_not"]
            return
        self.bytes = visit["bytes"]
        self.milliseconds.setdefault(network.name, []).append(visit["ms"])

    def to_json(self) -> dict[str, Any]:
        """Medians and all values, in milliseconds."""
        times = {
            name: {"median": statistics.median(v), "all": [round(x, 1) for x in v]} for name, v in self.milliseconds.items() if v
        }
        bytes_ = self.bytes or {"gzip": 0, "brotli": 0, "requests": 0}
        return {"bytes": bytes_, "milliseconds": times, "why_not": self.why_not}


def visit_all(
    browser: Any, sites: Mapping[Way, Path], n: int, networks: tuple[Network, ...] = NETWORKS, step: Step = _measured
) -> dict[Way, Visits]:
    """`n` rounds of visits on each network, taking turns; before the first, each is visited once for nothing, to warm the host.

    A way that fails the first time is left out from then on; one that fails later lacks that visit.
    """
    result = {way: Visits() for way in sites}
    warm = False
    for network in networks:
        for turn in range(n):
            ways = [way for way in sites if not result[way].why_not and not (way.webgl and turn > _FEW)]

            def measure(ways: list[Way] = ways, network: Network = network) -> dict[str, Any]:
                nonlocal warm
                if not warm:
                    _round(browser, {way: sites[way] for way in ways}, LOCALHOST)
                    warm = True
                return _round(browser, {way: sites[way] for way in ways}, network)

            visited = step(f"first visits, {network.name}: {turn + 1}", measure)
            for way in ways:
                if way.name in visited:
                    result[way].add(network, visited[way.name])
    return result


def _round(browser: Any, sites: Mapping[Way, Path], network: Network) -> dict[str, Any]:
    """One visit of each, by the way's name."""
    result = {}
    for way, site in sites.items():
        try:
            result[way.name] = _visit(browser, site, way, network)
        except _NoAnswerError as cause:
            result[way.name] = {"why_not": str(cause)}
    return result


class _NoAnswerError(Exception):
    """A page that said why it could not answer, or never answered."""


def _visit(browser: Any, site: Path, way: Way, network: Network) -> dict[str, Any]:
    """`ms` to the answer, and `bytes` over the wire until then."""
    from playwright.sync_api import Error

    context = browser.new_context()
    try:
        with hosting(site) as host:
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.setCacheDisabled", {"cacheDisabled": False})
            if network.megabits:
                rate = network.megabits * _MEGABIT
                throttle = {"latency": network.latency_ms, "downloadThroughput": rate, "uploadThroughput": rate, "offline": False}
                session.send("Network.emulateNetworkConditions", throttle)
            # A window that has just opened is still busy with itself; visitors' windows are open already.
            page.wait_for_timeout(_SETTLED_MS)
            if way is SHIPPED:
                page.add_init_script(_CHOOSE_PICTURE)
            with page.expect_console_message(lambda message: message.text.startswith(_SAID), timeout=_PATIENCE) as predicted:
                page.goto(host.address, wait_until="commit")
            if predicted.value.text != _ANSWERED:
                raise _NoAnswerError(predicted.value.text.removeprefix(_FAILED))
            when = page.evaluate(_WHEN)
            return {"ms": float(when["ms"]), "bytes": _bytes(host, (when["origin"] + when["ms"]) / 1000)}
    except Error as cause:
        raise _NoAnswerError(cause.message.splitlines()[0]) from cause
    finally:
        context.close()


def _bytes(host: Host, moment: float) -> dict[str, int]:
    sent = host.until(moment)
    heads = sum(answer.bytes - len(host.body(host.file(answer.path))[0]) for answer in sent)
    return {
        "gzip": sum(answer.bytes for answer in sent),
        "brotli": heads + sum(brotli_bytes(host.file(answer.path), CACHE / "brotli") for answer in sent),
        "requests": len(sent),
    }
