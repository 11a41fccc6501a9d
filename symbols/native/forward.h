// The forward pass of a block: eq. 3 and the operations level by level, then the sum of eq. 4 and the shortcut.
#pragma once

#include <cmath>
#include <vector>

#include "block.h"
#include "products.h"

namespace dsonas {

class Forward {
 public:
  // inputs: the operator's arrays, in the order of the plan.
  Forward(Block& block, const std::vector<float*>& inputs, float epsilon, float momentum)
      : block(block), plan(block.plan), geometry(block.geometry), inputs(inputs), epsilon(epsilon), momentum(momentum) {}

  // Compute the block's output (images, channels, height, width), and move the running statistics.
  void run(float* output) {
    const int team = threads();
    if (!geometry.plain())
      for_tiles(geometry.tiles, [&](int tile, int) { geometry.read(inputs[Plan::IMAGE], tile, block.image + tile * geometry.tile()); });
    std::vector<Scratch> scratch;
    for (int thread = 0; thread < team; ++thread) scratch.emplace_back(level_scratch());
    for (const Operation& operation : plan.operations) kernels.push_back(block.kernels(operation, inputs, false));
    sums.assign(plan.norms.size(), std::vector<float>(geometry.tiles * geometry.channels));
    squares = sums;
    for (const Level& level : plan.levels) {
      for_tiles(geometry.tiles, [&](int tile, int thread) {
        compute(level, tile, scratch[thread].fresh());
      });
      for (int number = level.begin; number < level.end; ++number) normalise(number);
    }
    weigh();
    for_tiles(geometry.tiles, [&](int tile, int thread) {
      add_up(tile, scratch[thread].fresh());
    });
    for (int map = plan.sum(); map < int(plan.norms.size()); ++map) normalise(map);
    for_tiles(geometry.tiles, [&](int tile, int thread) { finish(tile, scratch[thread].fresh(), output); });
  }

 private:
  size_t level_scratch() const {
    size_t frame = 0;
    for (const Frame& one : block.frames) frame = std::max(frame, size_t(one.size() + 2 * one.flat()) + 3 * LANES);
    const int widest = plan.widest();
    const size_t level = (widest + 1) * size_t(geometry.stride) + widest * (frame + geometry.tile());
    return level + 64 * (3 * widest + 4) + geometry.tile() + plan.output.size() * geometry.channels * chunk();
  }

  // Columns of eq. 4's product that are computed at once.
  int chunk() const {
    const int depth = std::max<int>(1, plan.output.size()) * geometry.channels;
    return std::max(2 * LANES, CACHED / depth / (2 * LANES) * (2 * LANES));
  }

  void compute(const Level& level, int tile, Scratch& scratch) {
    const int count = level.end - level.begin, length = geometry.length(tile), stride = geometry.stride;
    const float* x = block.tile(inputs[Plan::IMAGE], tile);
    const std::vector<float> mixing = block.mixing(level, inputs, tile);
    float* rows = scratch.take(size_t(count) * stride);
    std::vector<float*> frames, flats, made;
    for (int number = level.begin; number < level.end; ++number) {
      const Frame& shape = block.frames[number];
      frames.push_back(scratch.take(shape.size()));
      flats.push_back(scratch.take(2 * shape.flat()));
      std::fill(frames.back(), frames.back() + shape.size(),
                plan.operations[number].kind == Kind::LARGEST ? -std::numeric_limits<float>::infinity() : 0.0f);
      made.push_back(plan.operations[number].separable ? scratch.take(geometry.tile()) : block.maps[number] + tile * geometry.tile());
    }
    std::vector<const float*> fed;
    for (int channel = 0; channel < geometry.channels; ++channel) {
      block.fed(level, mixing, x, tile, channel, rows, fed);
      for (int place = 0; place < count; ++place)
        window(level.begin + place, tile, channel, fed[place], frames[place], flats[place], made[place] + size_t(channel) * stride);
      for (float* map : made) clear_tail(map + size_t(channel) * stride, length);
    }
    for (int place = 0; place < count; ++place) {
      const int number = level.begin + place, channels = geometry.channels;
      float* map = block.maps[number] + tile * geometry.tile();
      if (plan.operations[number].separable)
        product<false>(channels, channels, padded(length), inputs[plan.operations[number].pointwise], channels, made[place], stride, map, stride);
      observe(number, tile);
    }
  }

  // One channel of an operation's first layer.
  void window(int number, int tile, int channel, const float* row, float* frame, float* flat, float* to) {
    const Operation& operation = plan.operations[number];
    const Frame& shape = block.frames[number];
    const float* kernel = kernels[number].data() + channel * operation.kernel * operation.kernel;
    for (int image = 0; image < geometry.count(tile); ++image, row += geometry.pixels, to += geometry.pixels) {
      shape.fill(row, frame);
      if (operation.kind == Kind::LARGEST) {
        uint8_t* places = reinterpret_cast<uint8_t*>(flat + shape.flat());
        largest(shape, frame, flat, places);
        shape.take(flat, to);
        shape.take(places, block.places_of(number, tile) + size_t(channel) * geometry.stride + image * geometry.pixels);
      } else {
        convolve(shape, frame, kernel, to, flat);
      }
    }
  }

  // The sum of each channel of a map's tile, and that of the squares about its mean.
  void observe(int number, int tile) {
    const float* map = block.maps[number] + tile * geometry.tile();
    const int length = geometry.length(tile);
    for (int channel = 0; channel < geometry.channels; ++channel, map += geometry.stride) {
      const int whole = length / LANES * LANES;  // what is behind it is summed by itself: it may be most of what there is
      Vector total = {}, square = {};
      for (int place = 0; place < whole; place += LANES) total += load(map + place);
      float added = sum(total);
      for (int place = whole; place < length; ++place) added += map[place];
      const float mean = added / length;
      for (int place = 0; place < whole; place += LANES) {
        const Vector apart = load(map + place) - mean;
        square += apart * apart;
      }
      float squared = sum(square);
      for (int place = whole; place < length; ++place) squared += (map[place] - mean) * (map[place] - mean);
      const size_t at = size_t(tile) * geometry.channels + channel;
      sums[number][at] = added;
      squares[number][at] = squared;
    }
  }

  // Batch norm's statistics from those of the tiles.
  void normalise(int number) {
    const Norm& places = plan.norms[number];
    const int channels = geometry.channels;
    const double all = double(geometry.images) * geometry.pixels;
    Statistics& norm = block.norms[number];
    for (std::vector<float>* values : {&norm.mean, &norm.narrowing, &norm.scale, &norm.shift}) values->resize(channels);
    for (int channel = 0; channel < channels; ++channel) {
      double total = 0, apart = 0;
      for (int tile = 0; tile < geometry.tiles; ++tile) total += sums[number][tile * channels + channel];
      const double mean = total / all;
      for (int tile = 0; tile < geometry.tiles; ++tile) {
        const double length = geometry.length(tile), off = sums[number][tile * channels + channel] / length - mean;
        apart += squares[number][tile * channels + channel] + length * off * off;
      }
      const double variance = apart / all;
      norm.mean[channel] = float(mean);
      norm.narrowing[channel] = float(1 / std::sqrt(variance + epsilon));
      norm.scale[channel] = (plan.trained ? inputs[places.gamma][channel] : 1.0f) * norm.narrowing[channel];
      norm.shift[channel] = inputs[places.beta][channel] - norm.mean[channel] * norm.scale[channel];
      float &running_mean = inputs[places.mean][channel], &running_variance = inputs[places.variance][channel];
      running_mean = momentum * running_mean + (1 - momentum) * float(mean);
      running_variance = momentum * running_variance + (1 - momentum) * float(variance);
    }
  }

  // The weights of eq. 4 side by side, (channels, sources · channels), each multiplied by its λ where that is learned.
  void weigh() {
    const int channels = geometry.channels, count = int(plan.output.size());
    const float* joined = inputs[plan.output_weights[0]];
    weights.assign(joined, joined + size_t(channels) * channels * (plan.learned() ? 1 : count));
    if (!plan.learned()) return;
    weights.resize(size_t(channels) * channels * count);
    for (int place = 0; place < count; ++place) {
      const float scale = block.learned(plan.output[place].gate, inputs);
      const float* from = inputs[plan.output_weights[place]];
      for (int row = 0; row < channels; ++row)
        for (int column = 0; column < channels; ++column)
          weights[(size_t(row) * count + place) * channels + column] = scale * from[row * channels + column];
    }
  }

  // The sum of eq. 4, and the shortcut's convolution.
  void add_up(int tile, Scratch& scratch) {
    const int channels = geometry.channels, depth = int(plan.output.size()) * channels, end = padded(geometry.length(tile));
    const float* x = block.tile(inputs[Plan::IMAGE], tile);
    const int columns = chunk();
    float* rows = scratch.take(size_t(depth) * columns);
    float* to = block.maps[plan.sum()] + tile * geometry.tile();
    for (int begin = 0; begin < end; begin += columns) {
      const int width = std::min(columns, end - begin);
      float* row = rows;
      for (const Edge& edge : plan.output) {
        const float factor = block.drawn(edge.gate, inputs, tile);
        for (int channel = 0; channel < channels; ++channel, row += columns) {
          const Source source = scaled(block.row(edge.source, x, tile, channel), factor);
          for (int place = 0; place < width; place += LANES) store(row + place, value(source, load(source.row + begin + place)));
        }
      }
      product<false>(channels, depth, width, weights.data(), depth, rows, columns, to + begin, geometry.stride);
    }
    for (int channel = 0; channel < channels; ++channel) clear_tail(to + size_t(channel) * geometry.stride, geometry.length(tile));
    observe(plan.sum(), tile);
    if (!plan.projected) return;
    to = block.maps[plan.shortcut()] + tile * geometry.tile();
    product<false>(channels, channels, end, inputs[plan.shortcut_weight], channels, x, geometry.stride, to, geometry.stride);
    observe(plan.shortcut(), tile);
  }

  // The block's output.
  void finish(int tile, Scratch& scratch, float* output) {
    const float* x = block.tile(inputs[Plan::IMAGE], tile);
    float* to = geometry.plain() ? output + tile * geometry.tile() : scratch.take(geometry.tile());
    for (int channel = 0; channel < geometry.channels; ++channel) {
      const Source sum = block.normalised(plan.sum(), tile, channel);
      const Source past = plan.projected ? block.normalised(plan.shortcut(), tile, channel) : block.row(0, x, tile, channel);
      float* row = to + size_t(channel) * geometry.stride;
      for (int place = 0, end = padded(geometry.length(tile)); place < end; place += LANES)
        store(row + place, value(sum, load(sum.row + place)) + value(past, load(past.row + place)));
    }
    if (!geometry.plain()) geometry.write(to, tile, output);
  }

  Block& block;
  const Plan& plan;
  const Geometry& geometry;
  const std::vector<float*>& inputs;
  const float epsilon, momentum;
  std::vector<float> weights;
  std::vector<std::vector<float>> kernels;
  std::vector<std::vector<float>> sums, squares;  // of each map, by tile and channel
};

}  // namespace dsonas
