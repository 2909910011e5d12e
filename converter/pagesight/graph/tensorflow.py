"""Imports TensorFlow and tf-keras quietly, once, when a stage needs them; never for `--help`."""

import atexit
import contextlib
import gc
import importlib.util
import os
import re
import secrets
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any


@cache
def graphs() -> Any:
    """The part of TensorFlow that reads, rewrites and runs graphs: it is imported in a quarter of the time of the whole.

    A namespace with the names of `tf.compat.v1` that deal with graphs. Kernels are deterministic.
    """
    _calm()
    with _kept(), bare("tensorflow"), warnings.catch_warnings(), suppress_native_stderr():
        warnings.simplefilter("ignore")
        from tensorflow.core.framework.graph_pb2 import GraphDef
        from tensorflow.core.framework.node_def_pb2 import NodeDef
        from tensorflow.core.protobuf.config_pb2 import ConfigProto
        from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
        from tensorflow.python.client.session import Session
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_from_session_graph
        from tensorflow.python.framework.dtypes import as_dtype
        from tensorflow.python.framework.importer import import_graph_def
        from tensorflow.python.framework.ops import Graph
        from tensorflow.python.framework.tensor_shape import TensorShape
        from tensorflow.python.framework.tensor_util import MakeNdarray, make_tensor_proto
        from tensorflow.python.framework.versions import VERSION
        from tensorflow.python.grappler.tf_optimizer import OptimizeGraph
        from tensorflow.python.platform import tf_logging
        from tensorflow.python.saved_model.loader_impl import parse_saved_model
        from tensorflow.python.util import _pywrap_determinism
    tf_logging.set_verbosity(tf_logging.ERROR)
    _pywrap_determinism.enable(True)
    return types.SimpleNamespace(
        GraphDef=GraphDef,
        NodeDef=NodeDef,
        ConfigProto=ConfigProto,
        MetaGraphDef=MetaGraphDef,
        Session=Session,
        convert_variables_to_constants=convert_variables_to_constants_from_session_graph,
        as_dtype=as_dtype,
        import_graph_def=import_graph_def,
        Graph=Graph,
        MakeNdarray=MakeNdarray,
        make_tensor_proto=make_tensor_proto,
        TensorShape=TensorShape,
        OptimizeGraph=OptimizeGraph,
        parse_saved_model=parse_saved_model,
        __version__=VERSION,
    )


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """What the block imports stays for good: the garbage collector does not look at it meanwhile, nor when the program ends."""
    collecting = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def session_of(graph: Any, *, rewrite: bool = True) -> Any:
    """A session on a Graph, which TensorFlow may `rewrite` for each set of outputs: that pays for those asked for many times."""
    config = graphs().ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = not rewrite
    return graphs().Session(graph=graph, config=config)


@contextlib.contextmanager
def bare(*packages: str) -> Iterator[None]:
    """While the block runs, modules below `packages` can be imported without what the packages' own `__init__` import.

    A package that was imported before stays as it is; the others are forgotten afterwards, so that the next import is a whole one.
    """
    missing = [name for name in packages if name not in sys.modules]
    for name in missing:
        result = importlib.util.find_spec(name)
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = list(result.submodule_search_locations or []) if result else []
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


_CHATTER = re.compile(
    rb"(WARNING: All log messages before absl::|INFO: Created TensorFlow Lite |[IW]\d{4} "
    rb"|E\d{4} [^\n]*Unable to register \w+ factory)[^\n]*\n"
)


_TURNED_ASIDE = threading.RLock()
"""Standard error belongs to the process: two threads that turn it aside would give it back in the wrong order."""


@contextlib.contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """While the block runs, keep from standard error what TensorFlow's C++ writes there whatever the log level (2.19 does).

    A process that was started in the block and is still there after it goes on to be heard.
    """
    with _TURNED_ASIDE:
        reading, writing = os.pipe()
        kept = os.dup(2)
        end, ended = secrets.token_hex(16).encode(), threading.Event()
        threading.Thread(target=_pass_on, args=(reading, kept, end, ended), daemon=True).start()
        os.dup2(writing, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.write(writing, end)
            os.close(writing)
            ended.wait()


def _pass_on(reading: int, kept: int, end: bytes, ended: threading.Event) -> None:
    """Pass on what comes from `reading`, without chatter and line by line until `end`, then as it is until nobody writes."""
    rest = b""
    while part := os.read(reading, 1 << 16):
        if ended.is_set():
            _say(kept, part)
            continue
        lines, newline, rest = (rest + part).rpartition(b"\n")
        _say(kept, _CHATTER.sub(b"", lines + newline))
        before, found, after = rest.partition(end)
        if found:
            _say(kept, before + after)
            ended.set()
    ended.set()
    os.close(reading)
    os.close(kept)


def _say(where: int, what: bytes) -> None:
    """Write, or give up: whoever does not want to listen must not stop the one who speaks."""
    with contextlib.suppress(OSError):
        os.write(where, what)


def _calm() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


@cache
def tensorflow() -> Any:
    """The tensorflow module, with deterministic kernels and Keras 2 behind `tf.keras` for those who ask it."""
    _calm()
    with _kept(), warnings.catch_warnings(), suppress_native_stderr():
        warnings.simplefilter("ignore")
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    tf.config.experimental.enable_op_determinism()
    return tf


@cache
def keras() -> Any:
    """The tf_keras module (Keras 2): its graphs convert fully fused and take TF-Hub layers."""
    tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras
    return tf_keras


@cache
def hub() -> Any:
    """The tensorflow_hub module."""
    keras()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub
    return tensorflow_hub
