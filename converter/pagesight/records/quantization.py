"""quantization.json: how the weights are stored, and what that cost."""

from pagesight.records.codec import record


@record
class LayerStorage:
    """How one layer's kernel is stored."""

    name: str
    kind: str
    shape: tuple[int, ...]
    levels: int
    """Values that a weight can take."""
    bytes: int
    signal_to_noise_db: float
    """Of the layer's outputs: variance of the signal over that of the rounding error, in decibels."""


@record
class Step:
    """One step of the search for the fewest bytes."""

    gzip_bytes: int
    lost: float
    """Percentage points, as `judged_by` counts them."""


@record
class Storage:
    """The model's weights on disk, against the float model."""

    mode: str
    float_bytes: int
    """Of the weights as float32."""
    bytes: int
    gzip_bytes: int
    top1_agreement: float | None = None
    """Share (0..1) of pictures with the float model's answer."""
    calibration_pictures: int | None = None
    """Real pictures that rounding was calibrated on; 0 for synthetic ones."""
    max_drop: float | None = None
    """Percentage points that `auto` was allowed to lose."""
    judged_by: str | None = None
    """What `auto` measured the loss by."""
    steps: tuple[Step, ...] = ()
    layers: tuple[LayerStorage, ...] = ()
    moved_by_a_byte: float | None = None
    """Where a small converted model takes two bytes a weight instead of `uint8`'s one: how far one moved a probability."""


@record
class QuantizationFacts:
    """quantization.json."""

    storage: Storage
    accuracy: float | None = None
    """Share (0..1) of correct answers of the stored model on the test side; None where it has learned from that side, too."""
    pictures: int | None = None
    """Pictures on which agreement and accuracy were measured."""
