// Weighted sums of feature maps, which are kept as they come before batch norm and ReLU, and normalised while they are read.
#pragma once

#include <limits>
#include <vector>

#include "vectors.h"

namespace dsonas {

// One row of a source: value = max(scale · x + shift, least).
struct Source {
  const float* row;
  float scale, shift, least;
};

// What `factor`, which is not negative, times its values are.
inline Source scaled(const Source& source, float factor) { return {source.row, factor * source.scale, factor * source.shift, source.least}; }

inline Vector value(const Source& source, Vector x) { return at_least(source.scale * x + source.shift, all(source.least)); }

// N rows, and V vectors of columns.
template <int N, int V>
inline void mix_tile(const std::vector<Source>& sources, const float* weights, int place, float* to, int stride) {
  const int depth = int(sources.size());
  Vector sums[N][V] = {};
  for (int k = 0; k < depth; ++k)
    for (int v = 0; v < V; ++v) {
      const Vector x = value(sources[k], load(sources[k].row + place + v * LANES));
      for (int n = 0; n < N; ++n) sums[n][v] += weights[n * depth + k] * x;
    }
  for (int n = 0; n < N; ++n)
    for (int v = 0; v < V; ++v) store(to + n * stride + place + v * LANES, sums[n][v]);
}

template <int N>
inline void mix_rows(const std::vector<Source>& sources, const float* weights, int length, float* to, int stride) {
  int place = 0;
  if (N == 1)
    for (; place + 4 * LANES <= length; place += 4 * LANES) mix_tile<N, 4>(sources, weights, place, to, stride);
  for (; place + 2 * LANES <= length; place += 2 * LANES) mix_tile<N, 2>(sources, weights, place, to, stride);
  for (; place < length; place += LANES) mix_tile<N, 1>(sources, weights, place, to, stride);
}

// Rows (count, stride) of sums of the sources' rows by weights (count, sources); length in whole vectors.
inline void mix(const std::vector<Source>& sources, const float* weights, int count, int length, float* to, int stride) {
  const int depth = int(sources.size());
  int row = 0;
  for (; row + 4 <= count; row += 4) mix_rows<4>(sources, weights + row * depth, length, to + row * stride, stride);
  for (; row + 2 <= count; row += 2) mix_rows<2>(sources, weights + row * depth, length, to + row * stride, stride);
  if (row < count) mix_rows<1>(sources, weights + row * depth, length, to + row * stride, stride);
}

}  // namespace dsonas
