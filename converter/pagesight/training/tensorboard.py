"""Learning curves as TensorFlow's summary events, for those who watch trainings in TensorBoard."""

from typing import Any

from pagesight.graph.tensorflow import tensorflow


class Curves:
    """Scalars by epoch in one event file below a folder; nowhere for None.

    The tags are those of training.json's history. TensorBoard's own package is not needed to write them.
    """

    def __init__(self, folder: str | None) -> None:
        summary = tensorflow().summary
        self._writer: Any = summary.create_file_writer(folder) if folder else summary.create_noop_writer()
        self._metadata = tensorflow().compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})

    def add(self, epoch: int, values: dict[str, float]) -> None:
        """The numbers after so many epochs, written at once."""
        tf = tensorflow()
        with self._writer.as_default():
            for tag, value in values.items():
                tf.summary.write(tag, tf.constant(value, tf.float32), epoch, self._metadata)
            self._writer.flush()
