"""contract.json as a bundle ships it: the contract of the model, and the files that the page fetches and checks."""

from pagesight.contract import Decision, Input, Outputs
from pagesight.records.codec import record


@record
class ModelFile:
    """Where the model lies, below the bundle's folder."""

    format: str
    path: str


@record
class PublishedFile:
    """What a file must be before it is used."""

    bytes: int
    sha256: str


@record
class Sample:
    """A picture of the gallery, and its class."""

    path: str
    label: str


@record
class Golden:
    """A picture with Python's answer to it: the page asks itself on load, and refuses to work where it answers otherwise."""

    path: str
    sha256: str
    probabilities: tuple[float, ...]


@record
class ContractFile:
    """contract.json."""

    format: int
    name: str
    title: str
    description: str
    language: str
    labels: tuple[str, ...]
    """Column i of the probabilities is `labels[i]`."""
    input: Input
    outputs: Outputs
    decision: Decision
    model: ModelFile
    samples: tuple[Sample, ...] = ()
    files: dict[str, PublishedFile] | None = None
    """By path below the bundle's folder."""
    golden: Golden | None = None
    also: dict[str, str] | None = None
    """Folder or file of each further format, by its name."""
