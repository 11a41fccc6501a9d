// How feature maps lie in memory: some images at a time, so that what is computed of them stays in the processor's caches.
//
// A map is an array (tiles, channels, stride): a tile has `group` images, and a row the pixels of one channel of all of them. Maps of one
// image whose pixels fill whole vectors lie as MXNet has them, (images, channels, height, width).
#pragma once

#include <algorithm>
#include <cstring>

#include "memory.h"
#include "vectors.h"

namespace dsonas {

constexpr int CACHED = 8192;  // floats that the fastest cache holds, with room for others
constexpr int LONG = 256;     // floats of a row that is long enough for sums over it to be cheap

struct Geometry {
  Geometry() = default;
  // single: a tile is one image.
  Geometry(int images, int channels, int height, int width, int threads, bool single)
      : images(images), channels(channels), height(height), width(width), pixels(height * width) {
    const int wanted = std::max((LONG + pixels - 1) / pixels, CACHED / (channels * pixels));
    group = single ? 1 : std::max(1, std::min(wanted, (images + threads - 1) / threads));
    tiles = (images + group - 1) / group;
    stride = padded(group * pixels);
  }

  size_t tile() const { return size_t(channels) * stride; }
  size_t map() const { return tile() * tiles; }
  int count(int number) const { return std::min(group, images - number * group); }  // images of a tile
  int length(int number) const { return count(number) * pixels; }                   // values of its rows
  bool plain() const { return group == 1 && stride == pixels; }                     // whether MXNet's arrays are maps

  // A tile out of an array (images, channels, height, width).
  void read(const float* array, int number, float* to) const {
    for (int channel = 0; channel < channels; ++channel) {
      float* row = to + size_t(channel) * stride;
      for (int image = 0; image < count(number); ++image)
        std::memcpy(row + image * pixels, array + (size_t(number * group + image) * channels + channel) * pixels, pixels * sizeof(float));
      clear_tail(row, length(number));
    }
  }

  // A tile into such an array.
  void write(const float* from, int number, float* array) const {
    for (int channel = 0; channel < channels; ++channel)
      for (int image = 0; image < count(number); ++image)
        std::memcpy(array + (size_t(number * group + image) * channels + channel) * pixels,
                    from + size_t(channel) * stride + image * pixels, pixels * sizeof(float));
  }

  int images = 0, channels = 0, height = 0, width = 0, pixels = 0, group = 1, tiles = 0, stride = 0;
};

}  // namespace dsonas
