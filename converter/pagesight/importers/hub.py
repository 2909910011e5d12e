"""TF-Hub handles: an address in the cache (or fetched into it), and hub layers inside Keras files."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pagesight.errors import AdoptError
from pagesight.importers import saved_model

_HOSTS = re.compile(r"https://(www\.)?(tfhub\.dev|kaggle\.com)/")


def cached(handle: str) -> Path | None:
    """The folder in which TF-Hub keeps `handle`, where it was fetched before."""
    root = os.environ.get("TFHUB_CACHE_DIR") or str(Path(tempfile.gettempdir()) / "tfhub_modules")
    folder = Path(root) / hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()
    return folder if (folder / saved_model.FILE_NAME).is_file() else None


def fetched(handle: str) -> Path:
    """The folder of `handle`, fetched if need be. Raises AdoptError where it cannot be had."""
    from pagesight.graph.tensorflow import hub

    result = cached(handle)
    if result is not None:
        return result
    if not _HOSTS.match(handle):
        raise AdoptError(
            f"{handle} is no TF-Hub address", fix="give https://tfhub.dev/…, or download the model and give its folder"
        )
    try:
        return Path(hub().resolve(handle))
    except Exception as cause:  # urllib, tarfile and TensorFlow each raise their own
        raise AdoptError(
            f"the TF-Hub model {handle} could not be fetched",
            fix="check the address and the network, or set TFHUB_CACHE_DIR to a folder that holds it",
        ) from cause


def layer_of(config: Mapping[str, Any], name: str, scratch: Path) -> Any:
    """The hub layer that a Keras file names, from the cache or a folder alone: a file must not make this machine call out."""
    from pagesight.graph.tensorflow import hub

    handle = str(config.get("handle"))
    folder = cached(handle) or (Path(handle) if Path(handle).is_absolute() else None)
    if folder is None or not (folder / saved_model.FILE_NAME).is_file():
        raise AdoptError(
            f"the hub layer {handle!r:.160} is not on this machine",
            fix="set TFHUB_CACHE_DIR to a folder that holds it, or save the model as a SavedModel",
        )
    return hub().KerasLayer(str(saved_model.prepared(folder, scratch)), trainable=config.get("trainable") is True, name=name)
