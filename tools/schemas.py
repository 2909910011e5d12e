"""Write what is made of Python's records: the JSON Schemas in docs/schemas, and the roles of a bundle's files for the page."""

import json
from pathlib import Path

from pagesight import bundle_files, records
from pagesight.records.contract_file import ContractFile
from pagesight.records.report import Report

_ROOT = Path(__file__).resolve().parent.parent
INTO = _ROOT / "docs" / "schemas"
BUNDLE_FILES = _ROOT / "web_template" / "src" / "loading" / "bundle_files.js"
KINDS = {"report": Report, "contract": ContractFile}


def text(name: str) -> str:
    """The schema called `name`, as it is published."""
    return json.dumps(records.schema(KINDS[name]), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    INTO.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (INTO / f"{kind}.schema.json").write_text(text(kind), encoding="utf-8")
    BUNDLE_FILES.write_text(bundle_files.as_javascript(), encoding="utf-8")
