"""Kernels that have no measured costs: whole models seldom spend time in them."""

UNMEASURED = (
    "add_n_s8",
    "arg_extremum_s8",
    "batch_to_space_nd_s8",
    "cast",
    "compare_s8",
    "cumsum_s8",
    "dynamic_update_slice_s8",
    "l2_normalization_s8",
    "log_softmax_s8",
    "logical_b8",
    "logical_not_b8",
    "mirror_pad_s8",
    "resize_bilinear_s8",
    "resize_nearest_neighbor_s8",
    "select_s8",
    "space_to_batch_nd_s8",
    "transpose_conv_s8",
)
