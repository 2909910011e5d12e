"""Write the JSON Schemas of report.json and contract.json into docs/schemas."""

import json
from pathlib import Path

from pagesight import records
from pagesight.records.contract_file import ContractFile
from pagesight.records.report import Report

INTO = Path(__file__).resolve().parent.parent / "docs" / "schemas"
KINDS = {"report": Report, "contract": ContractFile}


def text(name: str) -> str:
    """The schema called `name`, as it is published."""
    return json.dumps(records.schema(KINDS[name]), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    INTO.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (INTO / f"{kind}.schema.json").write_text(text(kind), encoding="utf-8")
