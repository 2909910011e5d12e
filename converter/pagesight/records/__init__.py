"""What stages write as JSON, as frozen dataclasses: written, read and checked in one place."""

from pagesight.records.codec import read, schema, to_json, write

__all__ = ["read", "schema", "to_json", "write"]
