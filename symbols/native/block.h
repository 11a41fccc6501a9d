// What a block keeps of its forward pass for the backward pass.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "geometry.h"
#include "mixing.h"
#include "parallel.h"
#include "plan.h"
#include "windows.h"

namespace dsonas {

// Batch norm of a map, by channel: (z - mean) · γ / deviation + β, as scale · z + shift.
struct Statistics {
  std::vector<float> mean, narrowing, scale, shift;  // narrowing: 1 / deviation
};

struct Block {
  Block(const Plan& plan, const Geometry& geometry) : plan(plan), geometry(geometry), norms(plan.norms.size()) {
    for (size_t map = 0; map < plan.norms.size(); ++map) maps.emplace_back(geometry.map());
    for (const Operation& operation : plan.operations) {
      places.emplace_back(operation.kind == Kind::LARGEST ? geometry.map() / sizeof(float) + LANES : 0);
      frames.emplace_back(operation.kernel, operation.dilation, geometry.height, geometry.width);
    }
    if (!geometry.plain()) image = Array(geometry.map());
  }

  // The kernels of an operation's windows, (channels, kernel, kernel); turned: for the gradient of what it reads.
  std::vector<float> kernels(const Operation& operation, const std::vector<float*>& inputs, bool turned) const {
    const int size = operation.kernel * operation.kernel;
    std::vector<float> made(geometry.channels * size, 1.0f / size);
    if (operation.kind == Kind::CONVOLUTION)
      for (int channel = 0; channel < geometry.channels; ++channel) {
        const float* from = inputs[operation.depthwise] + channel * size;
        float* to = made.data() + channel * size;
        turned ? std::reverse_copy(from, from + size, to) : std::copy(from, from + size, to);
      }
    return made;
  }

  // A tile of the block's input x, which must have been read where MXNet's array is no map.
  const float* tile(const float* x, int number) const {
    return (geometry.plain() ? x : static_cast<const float*>(image)) + number * geometry.tile();
  }

  uint8_t* places_of(int operation, int number) const {
    return reinterpret_cast<uint8_t*>(static_cast<float*>(places[operation])) + number * geometry.tile();
  }

  // A row of what a source gives to those it feeds. x: its tile of the block's input.
  Source row(int source, const float* x, int number, int channel) const {
    if (source == 0) return {x + size_t(channel) * geometry.stride, 1.0f, 0.0f, -std::numeric_limits<float>::infinity()};
    return normalised(source - 1, number, channel);
  }

  // A row of a map behind its batch norm and ReLU.
  Source normalised(int map, int number, int channel) const {
    const float* from = maps[map] + number * geometry.tile() + size_t(channel) * geometry.stride;
    return {from, norms[map].scale[channel], norms[map].shift[channel], 0.0f};
  }

  // Whether an operation reads the block's input as it is.
  static bool direct(const Operation& operation) {
    return operation.edges.size() == 1 && operation.edges[0].source == 0 && operation.edges[0].gate < 0;
  }

  // The weights of the sums that a level's operations read of a tile, one behind the other.
  std::vector<float> mixing(const Level& level, const std::vector<float*>& inputs, int tile) const {
    std::vector<float> found;
    for (int number = level.begin; number < level.end; ++number)
      for (const Edge& edge : plan.operations[number].edges) found.push_back(gate(edge.gate, inputs, tile));
    return found;
  }

  // An edge's λ, 1 where it has none. Where each image has its own, a tile is an image.
  float gate(int place, const std::vector<float*>& inputs, int tile) const {
    return place < 0 ? 1.0f : inputs[Plan::GATES][(plan.drawn ? size_t(tile) * plan.gates : 0) + place];
  }

  // One that all images share; 1 where they do not.
  float learned(int place, const std::vector<float*>& inputs) const { return plan.learned() ? gate(place, inputs, 0) : 1.0f; }

  // One that is a tile's own; 1 where all images share it.
  float drawn(int place, const std::vector<float*>& inputs, int tile) const { return plan.drawn ? gate(place, inputs, tile) : 1.0f; }

  // What each of a level's operations reads of a channel, eq. 3: rows. mixing: the weights of its sums, of the tile; x: a tile of the block's input.
  // scratch: (operations, stride), for rows that are sums.
  void fed(const Level& level, const std::vector<float>& mixing, const float* x, int number, int channel, float* scratch,
           std::vector<const float*>& rows) const {
    const int count = level.end - level.begin, length = padded(geometry.length(number));
    const float* weights = mixing.data();
    rows.resize(count);
    for (int place = 0; place < count; ++place, scratch += geometry.stride) {
      const Operation& operation = plan.operations[level.begin + place];
      rows[place] = direct(operation) ? x + size_t(channel) * geometry.stride : scratch;
      if (!direct(operation) && (!level.alike || !place)) {
        std::vector<Source>& sources = this->sources();
        sources.clear();
        for (const Edge& edge : operation.edges) sources.push_back(row(edge.source, x, number, channel));
        mix(sources, weights, level.alike ? count : 1, length, scratch, geometry.stride);
      }
      weights += operation.edges.size();
    }
  }

  const Plan& plan;
  const Geometry geometry;
  Array image;
  std::vector<Array> maps;    // before batch norm: of the operations, of eq. 4's sum, and of the shortcut's convolution
  std::vector<Array> places;  // of each operation: where windows had their largest values, as bytes
  std::vector<Statistics> norms;
  std::vector<Frame> frames;

 private:
  static std::vector<Source>& sources() {
    static thread_local std::vector<Source> made;
    return made;
  }
};

// Memory of one thread, given out piece by piece.
class Scratch {
 public:
  explicit Scratch(size_t floats) : memory(floats), next(memory), end(next + floats) {}

  Scratch& fresh() {
    next = memory;
    return *this;
  }

  float* take(size_t floats) {
    float* taken = next;
    next += (floats + 15) / 16 * 16;
    if (next > end) std::abort();  // sizes are wrong, in whoever made this
    return taken;
  }

 private:
  Array memory;
  float *next, *end;
};

}  // namespace dsonas
