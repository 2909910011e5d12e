"""Training on several accelerators or machines: TensorFlow's own strategies, one chief that writes, words for what goes wrong."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import progress
from pagesight.errors import OptionError, TrainError
from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.options import Strategy


@dataclass(frozen=True)
class Distribution:
    """Where the replicas of a model run: `workers` processes, of which this one is number `rank`; 0 is the chief."""

    strategy: Any = None
    """None for one replica in one process, which needs no strategy."""
    workers: int = 1
    rank: int = 0

    @property
    def replicas(self) -> int:
        """Replicas of all workers together."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    def scope(self) -> Any:
        """The context in which variables are made, so that every replica has them."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def values(self, of_replica: Callable[[int], Any]) -> Any:
        """One tensor for each replica of this process, by the replica's number among all."""
        if self.strategy is None:
            return of_replica(0)
        return self.strategy.experimental_distribute_values_from_function(lambda at: of_replica(at.replica_id_in_sync_group))

    def parts(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """`rows` cut evenly, a part for each replica and none empty: where there are too few, they are repeated at the end."""
        return np.array_split(np.tile(rows, -(-self.replicas // len(rows))) if len(rows) < self.replicas else rows, self.replicas)

    def everywhere(self, step: Callable[..., Any], signature: list[Any] | None = None) -> Any:
        """`step` as a tf.function that runs on every replica, each with its own `values`; returns one result a replica."""
        tf = tensorflow()
        if self.strategy is None:
            return tf.function(step, input_signature=signature, autograph=False, reduce_retracing=signature is None)
        return tf.function(lambda *values: self.strategy.run(step, values), autograph=False, reduce_retracing=True)

    def added(self, value: Any) -> Any:
        """The sum of all replicas' results, on every worker."""
        return value if self.strategy is None else self.strategy.reduce("SUM", value, axis=None)

    def gathered(self, value: Any) -> NDArray[Any]:
        """All replicas' results `[n, …]`, one after the other, on every worker."""
        return np.asarray(value if self.strategy is None else self.strategy.gather(value, axis=0))

    def from_chief(self, data: bytes) -> bytes:
        """The chief's `data`, on every worker."""
        if self.workers == 1:
            return data
        summary = self._sum(np.array([len(data) if self.rank == 0 else 0]))
        padded = np.zeros(-(-int(summary[0]) // 4) * 4, np.uint8)
        if self.rank == 0:
            padded[: len(data)] = np.frombuffer(data, np.uint8)
        return self._sum(padded.view(np.int32)).astype(np.int32).tobytes()[: int(summary[0])] if len(padded) else b""

    def agree(self, what: str) -> None:
        """Raise TrainError where this worker was started for something else than the chief."""
        if self.from_chief(what.encode()) != what.encode():
            raise TrainError(
                "this worker differs from the chief in pictures, options or versions",
                fix="give every worker the same dataset folder and options, and install the same Pagesight",
            )

    def _sum(self, integers: NDArray[Any]) -> NDArray[Any]:
        own = self.replicas // self.workers * self.rank
        values = self.values(lambda replica: tensorflow().constant(integers * (replica == own), tensorflow().int32))
        return np.asarray(self.added(values))


ALONE = Distribution()


@contextlib.contextmanager
def distributed(name: Strategy) -> Iterator[Distribution]:
    """The replicas that `name` and TF_CONFIG ask for; a GPU of a kind that computes in bfloat16 does so inside the block.

    Raises OptionError for a TF_CONFIG that is none, and TrainError where another worker stops or cannot be reached.
    """
    cluster = _cluster() if name == "multiworker" else {}
    workers = len(cluster.get("worker", [])) + len(cluster.get("chief", []))
    errors = tensorflow().errors
    lost = (errors.UnavailableError, errors.AbortedError, errors.InternalError, errors.DeadlineExceededError, errors.CancelledError)
    try:
        with _in_bfloat16_where_fast():
            yield _started(name, workers)
    except lost as cause:
        if workers < 2:
            raise
        raise TrainError(
            "another worker stopped or cannot be reached",
            fix="start every worker again with the same command: training resumes after the last complete epoch",
        ) from cause


def writes_output(name: Strategy) -> bool:
    """Whether this process is the one of its workers that writes. Raises OptionError for a TF_CONFIG that is none."""
    if name != "multiworker":
        return True
    cluster, task = _cluster(), json.loads(os.environ["TF_CONFIG"])["task"]
    return bool(task["type"] == "chief" or ("chief" not in cluster and int(task["index"]) == 0))


def _cluster() -> dict[str, list[str]]:
    """The addresses in TF_CONFIG by kind of task."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        cluster[task["type"]][int(task["index"])]
    except (ValueError, KeyError, IndexError, TypeError) as cause:
        raise OptionError(
            "--strategy multiworker needs TF_CONFIG to name all workers and this one"
            + (f"; it holds {text[:80]!r}" if text else ""),
            fix='set TF_CONFIG=\'{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}\'',
        ) from cause
    if set(cluster) - {"chief", "worker"}:
        raise OptionError(
            "TF_CONFIG names tasks that are neither chief nor worker", fix="name a chief and workers, or workers alone"
        )
    return dict(cluster)


def _started(name: Strategy, workers: int) -> Distribution:
    tf = tensorflow()
    if name == "none":
        return ALONE
    if name == "mirrored":
        return Distribution(tf.distribute.MirroredStrategy())
    try:
        with progress.task(f"waiting for {workers} workers"):
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as cause:
        raise TrainError(f"workers cannot be joined here: {cause}", fix="start each worker in a process of its own") from cause
    task = strategy.cluster_resolver
    behind_chief = task.task_type == "worker" and "chief" in task.cluster_spec().jobs
    return Distribution(strategy, workers, int(task.task_id) + behind_chief)


@contextlib.contextmanager
def _in_bfloat16_where_fast() -> Iterator[None]:
    """Mixed precision on GPUs with bfloat16 (compute capability 8 on): no loss scaling is needed, and weights stay float32."""
    tf, mixed = tensorflow(), keras().mixed_precision
    details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    before = mixed.global_policy()
    if details and all(d.get("compute_capability", (0, 0)) >= (8, 0) for d in details):
        mixed.set_global_policy("mixed_bfloat16")
    try:
        yield
    finally:
        mixed.set_global_policy(before)
