// What looks at a pixel's neighbours: depthwise convolution, and max pooling, of one channel of one image at a time.
//
// The image is copied into a frame: rows of width + reach, with `reach` zeros before the first pixel of each row, which are behind the
// last pixel of the row above too, and rows of zeros above and below. A window's value is then a fixed distance away from its pixel, and
// one loop over a flat array computes all pixels; what it computes between the rows is thrown away.
#pragma once

#include <algorithm>
#include <cstring>

#include "vectors.h"

namespace dsonas {

class Frame {
 public:
  Frame() = default;

  // kernel: odd; height, width: of an image.
  Frame(int kernel, int dilation, int height, int width)
      : kernel(kernel), dilation(dilation), height(height), width(width), reach(dilation * (kernel / 2)), stride(width + reach) {}

  // Floats of a frame, with what a vector reads beyond its end.
  int size() const { return padded((height + 2 * reach) * stride + 2 * reach) + LANES; }

  // Floats of a result, which has no rows of zeros.
  int flat() const { return padded(height * stride); }

  // Distance from a pixel's place in a result to its window's entry in the frame.
  int offset(int row, int column) const { return row * dilation * stride + column * dilation; }

  // Copy an image into the middle of a frame that holds zeros, or another image.
  template <typename T>
  void fill(const T* image, float* frame) const {
    for (int row = 0; row < height; ++row) std::copy(image + row * width, image + (row + 1) * width, frame + (row + reach) * stride + reach);
  }

  // Copy the pixels out of a result.
  template <typename T>
  void take(const T* flat, T* image) const {
    for (int row = 0; row < height; ++row) std::memcpy(image + row * width, flat + row * stride, width * sizeof(T));
  }

  int kernel = 1, dilation = 1, height = 0, width = 0, reach = 0, stride = 0;
};

// The pixels of R rows and L columns.
template <int K, int R, int L>
inline void convolve_tile(const Frame& shape, const float* frame, const float* weights, float* image) {
  typename Floats<L>::type sums[R] = {};
  for (int row = 0; row < K + R - 1; ++row)
    for (int column = 0; column < K; ++column) {
      const auto value = load_some<L>(frame + row * shape.stride + column);
      for (int made = 0; made < R; ++made)
        if (row >= made && row - made < K) sums[made] += weights[(row - made) * K + column] * value;
    }
  for (int made = 0; made < R; ++made) *reinterpret_cast<typename Floats<L>::type*>(image + made * shape.width) = sums[made];
}

template <int K, int L>
__attribute__((noinline)) void convolve_rows(const Frame& shape, const float* frame, const float* weights, float* image) {
  constexpr int R = 4;
  float own[K * K];  // which nothing that is written can change
  std::copy(weights, weights + K * K, own);
  int row = 0;
  for (; row + R <= shape.height; row += R)
    for (int column = 0; column < shape.width; column += L)
      convolve_tile<K, R, L>(shape, frame + row * shape.stride + column, own, image + row * shape.width + column);
  for (; row < shape.height; ++row)
    for (int column = 0; column < shape.width; column += L)
      convolve_tile<K, 1, L>(shape, frame + row * shape.stride + column, own, image + row * shape.width + column);
}

// Any kernel, any width. flat: scratch memory.
inline void convolve_flat(const Frame& shape, const float* frame, const float* weights, float* image, float* flat) {
  for (int place = 0, end = shape.flat(); place < end; place += LANES) {
    Vector total = Vector{};
    for (int row = 0; row < shape.kernel; ++row)
      for (int column = 0; column < shape.kernel; ++column)
        total += weights[row * shape.kernel + column] * load(frame + place + shape.offset(row, column));
    store(flat + place, total);
  }
  shape.take(flat, image);
}

// A depthwise convolution of a frame by weights (kernel, kernel), into an image.
inline void convolve(const Frame& shape, const float* frame, const float* weights, float* image, float* flat) {
  const int lanes = shape.width % LANES == 0 ? LANES : shape.width % (LANES / 2) == 0 ? LANES / 2 : 0;
  if (shape.dilation > 1 || !lanes || (shape.kernel != 3 && shape.kernel != 5)) return convolve_flat(shape, frame, weights, image, flat);
  if (shape.kernel == 3 && lanes == LANES) return convolve_rows<3, LANES>(shape, frame, weights, image);
  if (shape.kernel == 5 && lanes == LANES) return convolve_rows<5, LANES>(shape, frame, weights, image);
  if (shape.kernel == 3) return convolve_rows<3, LANES / 2>(shape, frame, weights, image);
  convolve_rows<5, LANES / 2>(shape, frame, weights, image);
}

// N columns of the kernel's gradient.
template <int K, int N, int L>
__attribute__((noinline)) void kernel_gradient_rows(const Frame& shape, const float* frame, const float* gradient, int first, float* sums) {
  constexpr int reach = K / 2;
  typename Floats<L>::type dots[K][N] = {};
  for (int row = reach; row < shape.height + reach; ++row)  // of the frame
    for (int column = 0; column < shape.width; column += L) {
      typename Floats<L>::type right[N];
      for (int n = 0; n < N; ++n) right[n] = load_some<L>(frame + row * shape.stride + column + first + n);
      for (int k = 0; k < K; ++k) {
        const auto left = load_some<L>(gradient + (row - k + reach) * shape.stride + column + reach);
        for (int n = 0; n < N; ++n) dots[k][n] += left * right[n];
      }
    }
  for (int k = 0; k < K; ++k)
    for (int n = 0; n < N; ++n) sums[k * K + first + n] += sum<L>(dots[k][n]);
}

template <int K>
inline void kernel_gradient_rows(const Frame& shape, const float* frame, const float* gradient, float* sums) {
  constexpr int at_once = LANES == 16 ? K : 1;  // as many as there are registers for
  for (int first = 0; first < K; first += at_once) {
    if (shape.width % LANES == 0)
      kernel_gradient_rows<K, at_once, LANES>(shape, frame, gradient, first, sums);
    else
      kernel_gradient_rows<K, at_once, LANES / 2>(shape, frame, gradient, first, sums);
  }
}

// sums (kernel, kernel) += the gradient of a convolution's weights. frame: of what it read; gradient: of what it gave, a frame too.
inline void kernel_gradient(const Frame& shape, const float* frame, const float* gradient, float* sums) {
  if (shape.dilation == 1 && shape.width % (LANES / 2) == 0) {
    if (shape.kernel == 3) return kernel_gradient_rows<3>(shape, frame, gradient, sums);
    if (shape.kernel == 5) return kernel_gradient_rows<5>(shape, frame, gradient, sums);
  }
  const float* flat = gradient + shape.reach * (shape.stride + 1);  // with zeros between the rows
  for (int row = 0; row < shape.kernel; ++row)
    for (int column = 0; column < shape.kernel; ++column) {
      Vector total = {};
      for (int place = 0, end = shape.flat(); place < end; place += LANES)
        total += load(flat + place) * load(frame + place + shape.offset(row, column));
      sums[row * shape.kernel + column] += sum(total);
    }
}

// The largest value of each window, and the place of the first of them within it. The frame's borders hold the lowest value.
inline void largest(const Frame& shape, const float* frame, float* flat, uint8_t* places) {
  for (int place = 0, end = shape.flat(); place < end; place += LANES) {
    Vector most = load(frame + place);
    Whole chosen = {};
    for (int row = 0, number = 0; row < shape.kernel; ++row)
      for (int column = 0; column < shape.kernel; ++column, ++number) {
        Vector value = load(frame + place + shape.offset(row, column));
        Whole larger = (value > most) | (value != value);  // NaN spreads
        most = larger ? value : most;
        chosen = larger ? Whole{} + number : chosen;
      }
    store(flat + place, most);
    *reinterpret_cast<Bytes*>(places + place) = __builtin_convertvector(chosen, Bytes);
  }
}

// The gradient of max pooling: gradient and places are frames, with zeros around; places as floats, which compare as fast as they load.
inline void largest_gradient(const Frame& shape, const float* gradient, const float* places, float* flat) {
  for (int place = 0, end = shape.flat(); place < end; place += LANES) {
    Vector total = {};
    for (int row = 0, number = 0; row < shape.kernel; ++row)
      for (int column = 0; column < shape.kernel; ++column, ++number) {
        const int there = place + shape.offset(shape.kernel - 1 - row, shape.kernel - 1 - column);  // the window that has us there
        total += load(places + there) == all(float(number)) ? load(gradient + there) : Vector{};
      }
    store(flat + place, total);
  }
}

}  // namespace dsonas
