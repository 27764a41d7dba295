/* A convolution with windows of 3x3, stride 1, done by Winograd's F(2x2, 3x3) or F(4x4, 3x3): what their kernels share.
 *
 * In F(2x2) the output falls into tiles of 2x2. A tile needs 4x4 inputs d; with the window g
 *
 *     V = B d B'     U = G g G'     M[i][j] = sum over the input channels of U[i][j] * V[i][j]     4 * acc = A M A'
 *
 *         1  0 -1  0         1  0  0         2 1  1  0
 *     B = 0  1  1  0     G = 1  1  1     A = 0 1 -1 -2
 *         0 -1  1  0         1 -1  1
 *         0  1  0 -1         0  0  1
 *
 * which takes 16 products where the sum as it is written takes 36. Everything is whole numbers; the usual halves of G stand as the
 * factors 2 of A. V is kept times 64 (it just fits 16 bits), so that 256 * acc comes out, which is what the short rescaling wants.
 * M may wrap around: sums and differences are right modulo 2^32, and the compiler has proved that 256 * acc fits.
 *
 * In F(4x4) the tiles are 4x4 and need 6x6 inputs; 36 products stand for 144:
 *
 *         4  0 -5  0  1  0         1  0  0
 *         0 -4 -4  1  1  0         1  1  1         6 -4 -4  1  1  0
 *     B = 0  4 -4 -1  1  0     G = 1 -1  1     A = 0 -2  2  1 -1  0     576 * acc = S A M A' S,  S = diag(1, 2, 4, 4)
 *         0 -2 -1  2  1  0         1  2  4         0 -1 -1  1  1  0
 *         0  2 -1 -2  1  0         1 -2  4         0 -1  1  2 -2  6
 *         0  4  0 -5  0  1         0  0  1
 *
 * 576 is 9 * 64, and 9 has an inverse modulo 2^32: A M A' times 4 / 9 and the numbers of S is 256 * acc modulo 2^32, so exactly that. V is
 * made of inputs plus 128, as they have no sign then; the bias knows. |U| is 6272 and |V| 17340 at most.
 *
 * Layouts in working memory, four tiles making a quad, N being 16 or 36. In F(2x2) they are of one
 * row, whose last quad may have empty places; in F(4x4) only the strip's last one may. Pairs are pairs of input
 * channels as SXTB16 gives them (of each four bytes 0 and 2, then 1 and 3), chunks as many pairs as the floating-point registers hold:
 *
 *     sums    M, int32: [quad][N][tile of the quad][two output channels]
 *     inputs  V, pairs of int16: [chunk][quad][N][pair of the chunk][tile of the quad]
 *     weights U, pairs of int16, of two output channels: [chunk][N][pair of the chunk][two output channels]
 *     rows    int8: [4 or 6][row_pixels][input channels]; row r with padding stands in place r mod 4, in F(4x4) in its order
 */
#ifndef DSP_WINOGRAD_H
#define DSP_WINOGRAD_H

#include <stdint.h>

typedef struct {
    /* For each pair of output channels and each of the two, for each four input channels: nine taps, four bytes each. */
    const uint32_t *weights;
    const uint32_t *transformed; /* U of all pairs of output channels where it is stored; else 0 */
    const int32_t *bias;         /* 256 * bias, with the zero point of the input (in F(4x4) plus 128) folded in */
    const int32_t *scale;        /* as in mcu_slm_matrix_t */
    int32_t scale_step;
    int32_t middle;
    int32_t input_height;
    int32_t input_width;
    int32_t input_channels;
    int32_t output_height;
    int32_t output_width;
    int32_t output_channels; /* even */
    int32_t pad_top;
    int32_t pad_left;
    int32_t zero_point;     /* of the input: the value of padding */
    int32_t tile_rows;      /* of the image */
    int32_t tile_columns;
    int32_t strip_rows;     /* tiles that are done at a time: some rows, or some columns of one row */
    int32_t strip_columns;
    int32_t strip_quads;
    int32_t row_pixels;    /* columns of the input with padding */
    int32_t kept_pairs;    /* of output channels, the first ones, whose U stays in working memory; the others share a place behind */
    uint32_t act_min;      /* in each byte */
    uint32_t act_max;
} mcu_slm_winograd_t;

/* What the products of one chunk take. */
typedef struct {
    const uint32_t *weights;
    const uint32_t *inputs;
    int32_t *sums;
    int32_t *end; /* of the sums */
} mcu_slm_winograd_products_t;

/* What the outputs of some tiles of a row take, for output channels a and b. */
typedef struct {
    int32_t bias_a; /* 256 * bias */
    int32_t bias_b;
    int32_t scale_a[3]; /* multiplier, offset and, where the rescaling has one, correction or extra shift */
    int32_t scale_b[3];
    int8_t *output;
    int32_t tile;        /* its number in its row of the strip */
    int32_t column_step; /* bytes from the left outputs of a tile to the right ones, and from the upper to the lower ones; 0 where */
    int32_t row_step;    /* those lie outside the image: then the inner ones, written later, replace them */
    int32_t tile_step;
    int32_t end; /* number of the tile behind the last one */
    uint32_t act_min; /* in each byte */
    uint32_t act_max;
    const int32_t *sums; /* of the first tile */
} mcu_slm_winograd_tiles_t;

/* The same in F(4x4), for one output channel. Assembly knows the order. */
typedef struct {
    struct {
        int32_t sums[6];     /* room for a row of A M */
        int32_t factors[3];  /* what makes the row's outputs 256 * acc, less the bias: of columns 0, 1, and 2 and 3 */
        int32_t offset;      /* of the rescaling */
        int32_t column_step; /* bytes from an output to the one on its right */
        int32_t row_step;    /* and from the second one of a row to the first one of the next */
    } rows[4];
    int32_t bias; /* 256 * bias */
    int32_t multiplier;
    int32_t third; /* correction or extra shift where the rescaling has one */
    const int32_t *sums; /* of the next tile */
    int8_t *output;
    int32_t tile; /* its number in its row of the strip */
    int32_t end;  /* number of the tile behind the last one */
} mcu_slm_winograd4_tiles_t;

#endif
