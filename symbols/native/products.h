// Products of small matrices with feature maps, which lie channel by channel in rows of whole vectors.
//
// The innermost functions are kept out of others: inlined, their sums leave the registers, and they take twice the time.
#pragma once

#include "vectors.h"

namespace dsonas {

// M rows and N vectors of columns of z (+)= w · x over a depth.
template <int M, int N, bool ADD>
__attribute__((noinline)) void tile_product(int depth, const float* w, int w_stride, const float* x, size_t x_stride, float* z, size_t z_stride) {
  Vector sums[M][N];
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) sums[m][n] = ADD ? load(z + m * z_stride + n * LANES) : Vector{};
  for (int k = 0; k < depth; ++k, x += x_stride) {
    Vector columns[N];
    for (int n = 0; n < N; ++n) columns[n] = load(x + n * LANES);
    for (int m = 0; m < M; ++m)
      for (int n = 0; n < N; ++n) sums[m][n] += w[m * w_stride + k] * columns[n];
  }
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) store(z + m * z_stride + n * LANES, sums[m][n]);
}

template <int N, bool ADD>
inline void column_product(int rows, int depth, const float* w, int w_stride, const float* x, size_t x_stride, float* z,
                           size_t z_stride) {
  int row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    tile_product<ROWS, N, ADD>(depth, w + row * w_stride, w_stride, x, x_stride, z + row * z_stride, z_stride);
  for (; row + 2 <= rows; row += 2)
    tile_product<2, N, ADD>(depth, w + row * w_stride, w_stride, x, x_stride, z + row * z_stride, z_stride);
  for (; row < rows; ++row)
    tile_product<1, N, ADD>(depth, w + row * w_stride, w_stride, x, x_stride, z + row * z_stride, z_stride);
}

constexpr size_t PAGE = 1024;  // floats
constexpr int DEEPEST = 256;   // rows of x whose columns are copied

// The product where rows of x are a multiple of a page apart: they share one set of the fastest cache, which holds a few of them, so columns
// that are read for one row of w after the other are copied first.
template <bool ADD>
__attribute__((noinline)) void copying_product(int rows, int depth, int length, const float* w, int w_stride, const float* x,
                                               size_t x_stride, float* z, size_t z_stride) {
  float columns[DEEPEST * 2 * LANES];
  for (int place = 0; place < length; place += 2 * LANES) {
    for (int k = 0; k < depth; ++k)
      for (int n = 0; n < 2; ++n) store(columns + (2 * k + n) * LANES, load(x + k * x_stride + place + n * LANES));
    column_product<2, ADD>(rows, depth, w, w_stride, columns, 2 * LANES, z + place, z_stride);
  }
}

// z (rows, length) = w (rows, depth) · x (depth, length), or its sum with z; length in whole vectors.
template <bool ADD>
inline void product(int rows, int depth, int length, const float* w, int w_stride, const float* x, size_t x_stride, float* z,
                    size_t z_stride) {
  if (rows > ROWS && depth <= DEEPEST && x_stride % PAGE == 0 && length % (2 * LANES) == 0)
    return copying_product<ADD>(rows, depth, length, w, w_stride, x, x_stride, z, z_stride);
  int place = 0;
  for (; place + 2 * LANES <= length; place += 2 * LANES)
    column_product<2, ADD>(rows, depth, w, w_stride, x + place, x_stride, z + place, z_stride);
  if (place < length) column_product<1, ADD>(rows, depth, w, w_stride, x + place, x_stride, z + place, z_stride);
}

template <int M, int N>
__attribute__((noinline)) void tile_dots(int length, const float* a, size_t a_stride, const float* b, size_t b_stride, float* sums, int stride) {
  Vector dots[M][N] = {};
  for (int place = 0; place < length; place += LANES) {
    Vector left[M];
    for (int m = 0; m < M; ++m) left[m] = kept(load(a + m * a_stride + place));
    for (int n = 0; n < N; ++n) {
      const Vector right = kept(load(b + n * b_stride + place));
      for (int m = 0; m < M; ++m) dots[m][n] += left[m] * right;
    }
  }
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) sums[m * stride + n] += sum(dots[m][n]);
}

template <int M>
inline void row_dots(int columns, int length, const float* a, size_t a_stride, const float* b, size_t b_stride, float* sums,
                     int stride) {
  int column = 0;
  for (; column + 2 <= columns; column += 2)
    tile_dots<M, 2>(length, a, a_stride, b + column * b_stride, b_stride, sums + column, stride);
  for (; column < columns; ++column)
    tile_dots<M, 1>(length, a, a_stride, b + column * b_stride, b_stride, sums + column, stride);
}

// Many rows of a, which stay in the fastest cache, by few of b, which pass through it.
// sums (rows, columns) += a (rows, length) · the transpose of b (columns, length); length in whole vectors.
inline void dots(int rows, int columns, int length, const float* a, size_t a_stride, const float* b, size_t b_stride, float* sums,
                 int stride) {
  int row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    row_dots<ROWS>(columns, length, a + row * a_stride, a_stride, b, b_stride, sums + row * stride, stride);
  for (; row < rows; ++row)
    row_dots<1>(columns, length, a + row * a_stride, a_stride, b, b_stride, sums + row * stride, stride);
}

}  // namespace dsonas
