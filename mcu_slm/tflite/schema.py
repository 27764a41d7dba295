"""The TensorFlow Lite schema as data: tables, their slots in order, and enumerations.

Only what an integer model for microcontrollers can contain; a slot that nothing here reads is named
all the same, because its position counts. Types: `i8 u8 i32 u32 i64 u64 f32 bool` scalars,
`string`, `[x]` a vector, a capital letter a table, `enum:X` a byte with names, `union` two slots
(type and value).

Source: schema.fbs of TensorFlow Lite, version 3 of the file format.
"""

from __future__ import annotations

Field = tuple[str, str]

TENSOR_TYPES: dict[int, str] = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    15: "uint32",
    16: "uint16",
    17: "int4",
}

ENUMS: dict[str, tuple[str, ...]] = {
    "Padding": ("SAME", "VALID"),
    "Activation": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"),
    "WeightsFormat": ("DEFAULT", "SHUFFLED4x16INT8"),
    "MirrorPadMode": ("REFLECT", "SYMMETRIC"),
}

TABLES: dict[str, tuple[Field, ...]] = {
    "Model": (
        ("version", "u32"),
        ("operator_codes", "[OperatorCode]"),
        ("subgraphs", "[SubGraph]"),
        ("description", "string"),
        ("buffers", "[Buffer]"),
        ("metadata_buffer", "[i32]"),
        ("metadata", "[Metadata]"),
        ("signature_defs", "[SignatureDef]"),
        ("external_buffer_groups", "[ExternalBufferGroup]"),
        ("external_buffers", "[ExternalBuffer]"),
    ),
    "OperatorCode": (
        ("deprecated_builtin_code", "i8"),
        ("custom_code", "string"),
        ("version", "i32=1"),
        ("builtin_code", "i32"),
    ),
    "SubGraph": (
        ("tensors", "[Tensor]"),
        ("inputs", "[i32]"),
        ("outputs", "[i32]"),
        ("operators", "[Operator]"),
        ("name", "string"),
        ("debug_metadata_index", "i32=-1"),
    ),
    "Tensor": (
        ("shape", "[i32]"),
        ("type", "i8"),
        ("buffer", "u32"),
        ("name", "string"),
        ("quantization", "Quantization"),
        ("is_variable", "bool"),
        ("sparsity", "Sparsity"),
        ("shape_signature", "[i32]"),
        ("has_rank", "bool"),
        ("variant_tensors", "[VariantSubType]"),
        ("external_buffer", "u32"),
    ),
    "Quantization": (
        ("min", "[f32]"),
        ("max", "[f32]"),
        ("scale", "[f32]"),
        ("zero_point", "[i64]"),
        ("details", "union"),
        ("quantized_dimension", "i32"),
    ),
    "Sparsity": (("traversal_order", "[i32]"),),
    "Operator": (
        ("opcode_index", "u32"),
        ("inputs", "[i32]"),
        ("outputs", "[i32]"),
        ("builtin_options", "union"),
        ("custom_options", "[u8]"),
        ("custom_options_format", "i8"),
        ("mutating_variable_inputs", "[bool]"),
        ("intermediates", "[i32]"),
        ("large_custom_options_offset", "u64"),
        ("large_custom_options_size", "u64"),
        ("builtin_options_2", "union"),
        ("debug_metadata_index", "i32=-1"),
    ),
    "Buffer": (("data", "[u8]"), ("offset", "u64"), ("size", "u64")),
    "Metadata": (("name", "string"), ("buffer", "u32")),
    "SignatureDef": (
        ("inputs", "[TensorMap]"),
        ("outputs", "[TensorMap]"),
        ("signature_key", "string"),
        ("deprecated_tag", "string"),
        ("subgraph_index", "u32"),
    ),
    "TensorMap": (("name", "string"), ("tensor_index", "u32")),
    "VariantSubType": (("shape", "[i32]"), ("type", "i8"), ("has_rank", "bool")),
    "ExternalBufferGroup": (("name", "string"),),
    "ExternalBuffer": (
        ("id", "u32"),
        ("group", "u32"),
        ("offset", "u64"),
        ("length", "u64"),
        ("packing", "string"),
    ),
}

_ACTIVATION: Field = ("fused_activation_function", "enum:Activation")
_PADDING: Field = ("padding", "enum:Padding")
_STRIDES: tuple[Field, ...] = (("stride_w", "i32"), ("stride_h", "i32"))
_DILATIONS: tuple[Field, ...] = (("dilation_w_factor", "i32=1"), ("dilation_h_factor", "i32=1"))

OPTIONS: dict[str, tuple[Field, ...]] = {
    "Conv2D": (_PADDING, *_STRIDES, _ACTIVATION, *_DILATIONS, ("quantized_bias_type", "i8")),
    "DepthwiseConv2D": (
        _PADDING,
        *_STRIDES,
        ("depth_multiplier", "i32"),
        _ACTIVATION,
        *_DILATIONS,
    ),
    "Pool2D": (_PADDING, *_STRIDES, ("filter_width", "i32"), ("filter_height", "i32"), _ACTIVATION),
    "FullyConnected": (
        _ACTIVATION,
        ("weights_format", "enum:WeightsFormat"),
        ("keep_num_dims", "bool"),
        ("asymmetric_quantize_inputs", "bool"),
        ("quantized_bias_type", "i8"),
    ),
    "Softmax": (("beta", "f32"),),
    "Concatenation": (("axis", "i32"), _ACTIVATION),
    "Add": (_ACTIVATION, ("pot_scale_int16", "bool=1")),
    "Sub": (_ACTIVATION, ("pot_scale_int16", "bool=1")),
    "Mul": (_ACTIVATION,),
    "L2Norm": (_ACTIVATION,),
    "Reshape": (("new_shape", "[i32]"),),
    "Gather": (("axis", "i32"), ("batch_dims", "i32")),
    "Transpose": (),
    "Reducer": (("keep_dims", "bool"),),
    "Split": (("num_splits", "i32"),),
    "SplitV": (("num_splits", "i32"),),
    "Slice": (),
    "StridedSlice": (
        ("begin_mask", "i32"),
        ("end_mask", "i32"),
        ("ellipsis_mask", "i32"),
        ("new_axis_mask", "i32"),
        ("shrink_axis_mask", "i32"),
        ("offset", "bool"),
    ),
    "Pack": (("values_count", "i32"), ("axis", "i32")),
    "Unpack": (("num", "i32"), ("axis", "i32")),
    "ReverseV2": (),
    "BroadcastTo": (),
    "ExpandDims": (),
    "Squeeze": (("squeeze_dims", "[i32]"),),
    "SpaceToDepth": (("block_size", "i32"),),
    "DepthToSpace": (("block_size", "i32"),),
    "BatchMatMul": (("adj_x", "bool"), ("adj_y", "bool"), ("asymmetric_quantize_inputs", "bool")),
    "LeakyRelu": (("alpha", "f32"),),
    "SquaredDifference": (),
    "Quantize": (),
    "Dequantize": (),
    "UnidirectionalSequenceLSTM": (
        _ACTIVATION,
        ("cell_clip", "f32"),
        ("proj_clip", "f32"),
        ("time_major", "bool"),
        ("asymmetric_quantize_inputs", "bool"),
        ("diagonal_recurrent_tensors", "bool"),
    ),
    "TransposeConv": (_PADDING, *_STRIDES, _ACTIVATION, ("quantized_bias_type", "i8")),
    "ResizeBilinear": (
        ("new_height", "i32"),
        ("new_width", "i32"),
        ("align_corners", "bool"),
        ("half_pixel_centers", "bool"),
    ),
    "ResizeNearestNeighbor": (("align_corners", "bool"), ("half_pixel_centers", "bool")),
    "ArgMax": (("output_type", "i8"),),
    "ArgMin": (("output_type", "i8"),),
    "Cast": (("in_data_type", "i8"), ("out_data_type", "i8")),
    "MirrorPad": (("mode", "enum:MirrorPadMode"),),
    "Div": (_ACTIVATION,),
    "Cumsum": (("exclusive", "bool"), ("reverse", "bool")),
    "Shape": (("out_type", "i8"),),
    "SVDF": (("rank", "i32"), _ACTIVATION, ("asymmetric_quantize_inputs", "bool")),
    "CallOnce": (("init_subgraph_index", "i32"),),
    "VarHandle": (("container", "string"), ("shared_name", "string")),
    "ReadVariable": (),
    "AssignVariable": (),
}
"""Options tables that operators here read, by the schema's name without `Options`."""

OPERATORS: tuple[str, ...] = tuple(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
    RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
    SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
    UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT
    LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG
    PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE
    EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD
    REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
    REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE
    RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
    BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D
    IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
    CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS
    RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE
    RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
    """.split()
)
"""Built-in operators; the position is the code."""

OPTION_TABLES: tuple[str, ...] = tuple(
    """
    Conv2D DepthwiseConv2D ConcatEmbeddings LSHProjection Pool2D SVDF RNN FullyConnected Softmax
    Concatenation Add L2Norm LocalResponseNormalization LSTM ResizeBilinear Call Reshape
    SkipGram SpaceToDepth EmbeddingLookupSparse Mul Pad Gather BatchToSpaceND SpaceToBatchND
    Transpose Reducer Sub Div Squeeze SequenceRNN StridedSlice Exp TopKV2 Split LogSoftmax Cast
    Dequantize MaximumMinimum ArgMax Less Neg PadV2 Greater GreaterEqual LessEqual Select Slice
    TransposeConv SparseToDense Tile ExpandDims Equal NotEqual Shape Pow ArgMin FakeQuant Pack
    LogicalOr OneHot LogicalAnd LogicalNot Unpack FloorDiv Square ZerosLike Fill
    BidirectionalSequenceLSTM BidirectionalSequenceRNN UnidirectionalSequenceLSTM FloorMod Range
    ResizeNearestNeighbor LeakyRelu SquaredDifference MirrorPad Abs SplitV Unique ReverseV2 AddN
    GatherNd Cos Where Rank ReverseSequence MatrixDiag Quantize MatrixSetDiag HardSwish If While
    DepthToSpace NonMaxSuppressionV4 NonMaxSuppressionV5 ScatterNd SelectV2 Densify SegmentSum
    BatchMatMul Cumsum CallOnce BroadcastTo Rfft2d Conv3D Hashtable HashtableFind
    HashtableImport HashtableSize VarHandle ReadVariable AssignVariable Random Bucketize Gelu
    DynamicUpdateSlice UnsortedSegmentProd UnsortedSegmentMax UnsortedSegmentMin
    UnsortedSegmentSum ATan2 Sign Bitcast BitwiseXor RightShift
    """.split()
)
"""Members of the union BuiltinOptions; the type code is the position + 1."""

OPERATOR_OPTIONS: dict[str, str] = {
    "ADD": "Add",
    "ARG_MAX": "ArgMax",
    "ARG_MIN": "ArgMin",
    "ASSIGN_VARIABLE": "AssignVariable",
    "AVERAGE_POOL_2D": "Pool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "BROADCAST_TO": "BroadcastTo",
    "CALL_ONCE": "CallOnce",
    "CAST": "Cast",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "CUMSUM": "Cumsum",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "DIV": "Div",
    "EXPAND_DIMS": "ExpandDims",
    "FULLY_CONNECTED": "FullyConnected",
    "GATHER": "Gather",
    "L2_NORMALIZATION": "L2Norm",
    "L2_POOL_2D": "Pool2D",
    "LEAKY_RELU": "LeakyRelu",
    "MAX_POOL_2D": "Pool2D",
    "MEAN": "Reducer",
    "MIRROR_PAD": "MirrorPad",
    "MUL": "Mul",
    "PACK": "Pack",
    "READ_VARIABLE": "ReadVariable",
    "REDUCE_MAX": "Reducer",
    "REDUCE_MIN": "Reducer",
    "RESHAPE": "Reshape",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "REVERSE_V2": "ReverseV2",
    "SHAPE": "Shape",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SPACE_TO_DEPTH": "SpaceToDepth",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUARED_DIFFERENCE": "SquaredDifference",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "SUM": "Reducer",
    "SVDF": "SVDF",
    "TRANSPOSE": "Transpose",
    "TRANSPOSE_CONV": "TransposeConv",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "UNPACK": "Unpack",
    "VAR_HANDLE": "VarHandle",
}
"""The options table that an operator is written with; operators not listed have none."""
