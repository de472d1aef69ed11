"""Look into an ONNX file before ONNX Runtime does, and refuse what could do harm.

A graph of a stranger could read other files as its weights, call operators of other libraries, or never end. So all
weights must be in the file, operators are those that networks consist of, and none of them contains a graph of its
own, as loops do. How much memory it may take is limited in `session`.
"""

from __future__ import annotations

from facekit.runs.export.wire import Reader

_NAMES = """
    Abs Add And ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv
    ConvTranspose DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather
    Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity
    InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean
    Min Mish Mul Neg Not Or PRelu Pad Pow QuantizeLinear Range Reciprocal ReduceL2 ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Resize ReverseSequence Round Selu Shape Sigmoid
    Sign Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum
    Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Where
"""

OPERATORS = frozenset(_NAMES.split())
"""Operators of networks: each is computed once, in an order that the file gives."""

_DOMAINS = "", "ai.onnx"

# Numbers of fields, from onnx.proto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_GRAPH, _METADATA, _TRAINING, _FUNCTIONS = 7, 14, 20, 25
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_KIND, _ATTRIBUTE, _DOMAIN = 4, 5, 7
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSES = 5, 6, 10, 11, (22, 23)
_EXTERNAL, _LOCATION = 13, 14
_KEY, _VALUE = 1, 2


def metadata(data: bytes) -> dict[str, str]:
    """Return what an ONNX file says of itself, once it is clear that its graph can do no harm.

    Raises ValueError for what is no ONNX file, and for a graph that could do harm.
    """
    reader, found = Reader(), dict[str, str]()
    seen = False
    for number, value in reader.fields(memoryview(data)):
        if number in (_TRAINING, _FUNCTIONS):
            raise ValueError("it has functions of its own")
        if number in (_GRAPH, _METADATA) and not isinstance(value, memoryview):
            raise ValueError("it is not an ONNX file")
        if number == _GRAPH and isinstance(value, memoryview):
            seen = True
            _check_graph(reader, value)
        elif number == _METADATA and isinstance(value, memoryview):
            found[reader.text(value, _KEY)] = reader.text(value, _VALUE)
    if not seen:
        raise ValueError("it is not an ONNX file")
    return found


def _check_graph(reader: Reader, graph: memoryview) -> None:
    for number, value in reader.fields(graph):
        if not isinstance(value, memoryview):
            continue
        if number == _NODE:
            _check_node(reader, value)
        elif number == _INITIALIZER:
            _check_tensor(reader, value)
        elif number == _SPARSE:
            raise ValueError("it has sparse weights, which facekit does not write")


def _check_node(reader: Reader, node: memoryview) -> None:
    kind, domain = "", ""
    for number, value in reader.fields(node):
        if not isinstance(value, memoryview):
            continue
        if number == _KIND:
            kind = bytes(value).decode()
        elif number == _DOMAIN:
            domain = bytes(value).decode()
        elif number == _ATTRIBUTE:
            _check_attribute(reader, value)
    if domain not in _DOMAINS or kind not in OPERATORS:
        raise ValueError(f"it uses {_shown(f'{domain}.{kind}'.strip('.'))}, which is no operator of networks")


def _check_attribute(reader: Reader, attribute: memoryview) -> None:
    for number, value in reader.fields(attribute):
        if number in (_SUBGRAPH, _SUBGRAPHS, *_SPARSES):
            raise ValueError("an operator holds a graph of its own")
        if number in (_TENSOR, _TENSORS) and isinstance(value, memoryview):
            _check_tensor(reader, value)


def _check_tensor(reader: Reader, tensor: memoryview) -> None:
    for number, value in reader.fields(tensor):
        if number == _EXTERNAL or (number == _LOCATION and value):
            raise ValueError("its weights are in another file")


def _shown(name: str) -> str:
    return repr(name[:60])
