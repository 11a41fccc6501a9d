"""ONNX: a network written for any runtime, and read back by onnxruntime or, where that is not installed, by onnx's reference evaluator."""

import contextlib
import json
import os
import warnings
from typing import Any, Callable, Iterator, List, Sequence, Union

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, SymbolBlock

from ...base.errors import UserError
from ...runfiles.network import NetworkDescription
from . import symbol_file
from .checking import Runner
from .graph import INPUT

Model = Union[str, bytes]  # the path of a file, or its content
OUTPUT = 'logits'
MANY, FEW = 32, 2  # images to check on; the reference evaluator takes seconds for each
OPSET, IR = 15, 8  # read by onnxruntime since 1.10; the reference evaluator's batch norm needs 14


def write(net: HybridBlock, path: str, description: NetworkDescription, normalised: bool, workspace: str) -> None:
    """Write a network of graph.exportable to `path`, batches of any size. workspace: a folder for what comes between.

    Raises UserError where onnx is not installed, or an operation has no counterpart in ONNX.
    """
    onnx = _onnx()
    symbol, parameters = symbol_file.write(net, os.path.join(workspace, 'network'))
    size = description.image_size
    with _opset(onnx):
        try:
            mx.onnx.export_model(
                symbol,
                parameters,
                [(1, 3, size, size)],
                np.float32,
                path,
                dynamic=True,
                dynamic_input_shapes=[('batch', 3, size, size)],
            )
        except AttributeError as error:  # "No conversion function registered for op type …"
            raise UserError(f'{path}: {" ".join(str(error).split())}') from None
    model = tidied(onnx, onnx.load(path), description, normalised)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def tidied(onnx: Any, model: Any, description: NetworkDescription, normalised: bool) -> Any:
    """What MXNet's converter leaves, made what runtimes like: named output, weights that are no inputs, no shape arithmetic, metadata."""
    graph = model.graph
    model.opset_import[0].version, model.ir_version, model.producer_name = OPSET, IR, 'dsonas'
    weights = {weight.name for weight in graph.initializer}
    _keep(graph.input, [entry for entry in graph.input if entry.name not in weights])
    _pool_globally(onnx, graph)
    _rename(graph, graph.output[0].name, OUTPUT, outputs=True)
    _keep(
        graph.output,
        [onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ('batch', len(description.classes)))],
    )
    _drop_unused(graph)
    onnx.helper.set_model_props(
        model,
        {
            'classes': json.dumps(description.classes),
            'mean': json.dumps(description.mean),
            'std': json.dumps(description.std),
            'image_size': str(description.image_size),
            'dataset': description.dataset,
            'input': 'RGB, 0 to 255' if normalised else 'RGB, (pixel / 255 - mean) / std',
        },
    )
    return model


def runner(path: Model) -> Runner:
    """(function of images float32 (b, 3, H, W) giving logits, name and version of the runtime, on how many images it can be asked)."""
    try:
        return session(path), f'onnxruntime {_onnxruntime().__version__}', MANY
    except ImportError:
        return reference(path), f'onnx.reference {_onnx().__version__}', FEW


def session(path: Model, threads: int = 1) -> Callable[[np.ndarray], np.ndarray]:
    """An onnxruntime session as a function of images. Raises ImportError where onnxruntime is not installed."""
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    opened = ort.InferenceSession(
        path if isinstance(path, bytes) else str(path), options, providers=['CPUExecutionProvider']
    )
    return lambda images: _only(opened.run(None, {INPUT: images}))


def reference(path: Model) -> Callable[[np.ndarray], np.ndarray]:
    """onnx's own evaluator as a function of images: slow, and on every machine."""
    from onnx.reference.reference_evaluator import ReferenceEvaluator

    evaluator = ReferenceEvaluator(_onnx().load_from_string(path) if isinstance(path, bytes) else str(path))
    return lambda images: _only(evaluator.run(None, {INPUT: images}))


def first_difference(path: str, net: HybridBlock, images: np.ndarray, tolerance: float) -> str:
    """Name of the first operator whose output in the file is not what it is in the network, '' where they are equal all along."""
    onnx = _onnx()
    model, data = onnx.load(path), mx.sym.Variable(INPUT)
    internals = net(data).get_internals()
    made = {name for node in model.graph.node for name in node.output}
    for name in internals.list_outputs():
        inside = name[: -len('_output')] if name.endswith('_output') else name
        if inside not in made:
            continue
        _keep(model.graph.output, [onnx.ValueInfoProto(name=inside)])
        found = runner(model.SerializeToString())[0](images)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of an input that carries no type
            expected = SymbolBlock(internals[name], data, params=net.collect_params())(mx.nd.array(images)).asnumpy()
        if found.size != expected.size or not np.abs(found.ravel() - expected.ravel()).max() <= tolerance * max(
            1, np.abs(expected).max()
        ):
            return inside
    return ''


@contextlib.contextmanager
def _opset(onnx: Any) -> Iterator[None]:
    """MXNet's converter asks the checker's context which opset to write; its own newest is older than onnx's."""
    context = onnx.checker.DEFAULT_CONTEXT
    before = dict(context.opset_imports)
    context.opset_imports = {'': 13}
    try:
        yield
    finally:
        context.opset_imports = before


def _onnx() -> Any:
    try:
        import onnx

        return onnx
    except ImportError:
        raise UserError("ONNX: the package onnx is not installed; pip install 'dsonas[onnx]'") from None


def _onnxruntime() -> Any:
    import onnxruntime

    return onnxruntime


def _only(outputs: Sequence[Any]) -> Any:
    return outputs[0]


def _pool_globally(onnx: Any, graph: Any) -> None:
    """A mean over the map, and the reshape to the shape that it has, as the pooling that every runtime knows; Flatten comes next."""
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        mean = made_by.get(node.input[0]) if node.op_type == 'Reshape' else None
        if mean is not None and mean.op_type == 'ReduceMean':
            pooled = onnx.helper.make_node('GlobalAveragePool', [mean.input[0]], [node.output[0]], node.output[0])
            node.CopyFrom(pooled)


def _keep(repeated: Any, entries: Sequence[Any]) -> None:
    del repeated[:]
    repeated.extend(entries)


def _rename(graph: Any, old: str, new: str, outputs: bool = False) -> None:
    for node in graph.node:
        _keep(node.input, [new if name == old else name for name in node.input])
        if outputs:
            _keep(node.output, [new if name == old else name for name in node.output])


def _drop_unused(graph: Any) -> None:
    wanted = {entry.name for entry in graph.output}
    kept: List[Any] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.insert(0, node)
    _keep(graph.node, kept)
    _keep(graph.initializer, [weight for weight in graph.initializer if weight.name in wanted])
