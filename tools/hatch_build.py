"""Puts the built page and the models into the wheel; an editable install finds them in the checkout."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling before a wheel is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders; a wheel without its page would be of no use, so a missing one is an error."""
        if version != "standard":
            return
        root = Path(self.root)
        page = root / "build" / "web_template"
        if not (page / "static" / "pagesight.js").is_file():
            raise FileNotFoundError("the page's code is not built yet: run `make wheel`, which builds it first")
        models = [p for p in sorted((root / "models").iterdir()) if p.suffix in (".toml", ".h5", ".md")]
        build_data["force_include"] = {str(page): "pagesight/_web_template"} | {
            str(p): f"pagesight/_models/{p.name}" for p in models
        }
