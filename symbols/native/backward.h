// The backward pass of a block, level by level from the last.
//
// The gradient of a map is pulled from those that read it: first of what batch norm and ReLU gave, whose sums over all images batch norm's
// own gradient needs, then through the operation to what it read. What an operation read is computed again where its weights' gradient
// needs it. Gradients of λ are products of maps with the gradients of what reads them, and cost no pass of their own.
#pragma once

#include <optional>
#include <vector>

#include "block.h"
#include "products.h"

namespace dsonas {

class Backward {
 public:
  // of_weights, of_gates: whether gradients of W (β included) and of λ are computed.
  Backward(Block& block, const std::vector<float*>& inputs, bool of_weights, bool of_gates)
      : block(block), plan(block.plan), geometry(block.geometry), inputs(inputs), of_weights(of_weights), of_gates(of_gates) {}

  // From the gradient of the block's output, compute those of the inputs: of the block's input always, of weights and λ (`gates` of them)
  // where they are asked for.
  void run(const float* output_gradient, const std::vector<float*>& gradients, int64_t gates) {
    prepare(gates);
    begin(output_gradient, gradients);
    for (size_t back = plan.levels.size(); back--;) {
      const Level& level = plan.levels[back];
      for_tiles(geometry.tiles, [&](int tile, int thread) {
        for (int number = level.begin; number < level.end; ++number) pull(number + 1, tile, thread, nullptr);
      });
      for (int number = level.begin; number < level.end; ++number) centre(number, gradients);
      for_tiles(geometry.tiles, [&](int tile, int thread) { push(level, tile, thread); });
    }
    for_tiles(geometry.tiles, [&](int tile, int thread) { pull(0, tile, thread, gradients[Plan::IMAGE]); });
    finish(gradients, gates);
  }

 private:
  struct Kernels {  // gradients of an operation's weights
    std::vector<float> depthwise, pointwise;
  };

  struct Worker {  // of one thread
    Scratch scratch;
    std::vector<double> gates;
    std::vector<Kernels> operations;
    std::vector<std::vector<float>> output;
    std::vector<float> shortcut;
  };

  void prepare(int64_t gates) {
    channels = geometry.channels;
    const size_t tile = geometry.tile();
    const int widest = plan.widest();
    size_t frame = 0;
    for (const Frame& one : block.frames) frame = std::max(frame, size_t(2 * one.size() + one.flat()) + 64);
    const size_t scratch = (2 * widest + 5) * tile + widest * (geometry.stride + frame) + 64 * (5 * widest + 8);
    for (int thread = 0, team = threads(); thread < team; ++thread) {
      workers.push_back({Scratch(scratch), std::vector<double>(gates), {}, {}, {}});
      if (!of_weights) continue;
      for (const Operation& operation : plan.operations) {
        const bool convolution = operation.kind == Kind::CONVOLUTION;
        workers.back().operations.push_back(
            {std::vector<float>(convolution ? channels * operation.kernel * operation.kernel : 0),
             std::vector<float>(operation.separable ? channels * channels : 0)});
      }
      workers.back().output.assign(plan.output.size(), std::vector<float>(channels * channels));
      workers.back().shortcut.resize(plan.projected ? channels * channels : 0);
    }
    for (size_t map = 0; map < plan.norms.size(); ++map) deltas.emplace_back(geometry.map());
    first.assign(plan.norms.size(), std::vector<float>(geometry.tiles * channels));
    second = first;
    means = second_means = std::vector<std::vector<float>>(plan.norms.size(), std::vector<float>(channels));
    for (const Operation& operation : plan.operations) {
      kernels.push_back(block.kernels(operation, inputs, false));
      turned.push_back(block.kernels(operation, inputs, true));
    }
    transposed.assign(plan.operations.size() + 1, {});
    for (size_t number = 0; number < plan.operations.size(); ++number)
      if (plan.operations[number].separable)
        transposed[number] = transpose(inputs[plan.operations[number].pointwise]);
    for (size_t place = 0; place < plan.output.size(); ++place)
      output_transposed.push_back(transpose(output_weight(inputs, place), output_stride()));
    if (plan.projected) shortcut_transposed = transpose(inputs[plan.shortcut_weight]);
  }

  std::vector<float> transpose(const float* matrix, int stride = 0) const {
    std::vector<float> turned(channels * channels);
    for (int row = 0; row < channels; ++row)
      for (int column = 0; column < channels; ++column)
        turned[column * channels + row] = matrix[row * (stride ? stride : channels) + column];
    return turned;
  }

  // The weights of an edge of the output, or their gradients: a matrix whose rows are output_stride() apart.
  float* output_weight(const std::vector<float*>& arrays, size_t place) const {
    return arrays[plan.output_weights[place]] + (plan.learned() ? 0 : place * channels);
  }

  int output_stride() const { return plan.learned() ? channels : channels * int(plan.output.size()); }

  // Through the batch norms of eq. 4's sum and of the shortcut.
  void begin(const float* output_gradient, const std::vector<float*>& gradients) {
    if (geometry.plain()) {
      heads = output_gradient;
    } else {
      head_tiles = Array(geometry.map());
      for_tiles(geometry.tiles, [&](int tile, int) { geometry.read(output_gradient, tile, head_tiles + tile * geometry.tile()); });
      heads = head_tiles;
    }
    const int maps = int(plan.norms.size());
    for_tiles(geometry.tiles, [&](int tile, int) {
      for (int map = plan.sum(); map < maps; ++map)
        for (int channel = 0; channel < channels; ++channel) {
          const size_t at = tile * geometry.tile() + size_t(channel) * geometry.stride;
          Through norm(block, map, tile, channel);
          for (int column = 0, end = padded(geometry.length(tile)); column < end; column += LANES)
            store(deltas[map] + at + column, norm.pass(load(heads + at + column), column));
          keep(norm, map, tile, channel);
        }
    });
    for (int map = plan.sum(); map < maps; ++map) centre(map, gradients);
    for_tiles(geometry.tiles, [&](int tile, int) {
      for (int map = plan.sum(); map < maps; ++map) through_norm(map, tile, deltas[map] + tile * geometry.tile());
    });
  }

  // A row of a gradient on its way through ReLU, with the sums that batch norm's gradient needs.
  struct Through {
    Through(const Block& block, int map, int tile, int channel)
        : own(block.normalised(map, tile, channel)), mean(block.norms[map].mean[channel]) {}

    Vector pass(Vector gradient, int column) {
      const Vector before = load(own.row + column);
      gradient = own.scale * before + own.shift > 0.0f ? gradient : Vector{};
      added += gradient;
      apart += gradient * (before - mean);
      return gradient;
    }

    const Source own;
    const float mean;
    Vector added = {}, apart = {};
  };

  void keep(const Through& norm, int map, int tile, int channel) {
    first[map][size_t(tile) * channels + channel] = sum(norm.added);
    second[map][size_t(tile) * channels + channel] = sum(norm.apart);
  }

  // The gradient of what a source gives, from all that read it; of an operation's, through its ReLU.
  void pull(int source, int tile, int thread, float* image_gradient) {
    Worker& worker = workers[thread];
    Scratch& scratch = worker.scratch.fresh();
    const int stride = geometry.stride, length = geometry.length(tile), end = padded(length), place = plan.outputs_of[source];
    const size_t start = tile * geometry.tile();
    const float* x = block.tile(inputs[Plan::IMAGE], tile);
    const float* head = deltas[plan.sum()] + start;
    const std::vector<Edge>& readers = plan.readers[source];
    const bool valued = of_weights && place >= 0;
    float* values = scratch.take(geometry.tile());
    float* to = source ? deltas[source - 1] + start : geometry.plain() ? image_gradient + start : scratch.take(geometry.tile());
    std::vector<Term> terms;
    if (place >= 0) {
      float* through = scratch.take(geometry.tile());
      product<false>(channels, channels, end, output_transposed[place].data(), channels, head, stride, through, stride);
      terms.push_back({through, block.gate(plan.output[place].gate, inputs, tile), plan.output[place].gate});
    }
    if (!source) terms.push_back({past(tile, thread, x, scratch), 1.0f, -1});
    for (const Edge& reader : readers) terms.push_back({deltas[reader.source] + start, block.gate(reader.gate, inputs, tile), reader.gate});
    const float factor = place >= 0 ? block.drawn(plan.output[place].gate, inputs, tile) : 1.0f;
    for (int channel = 0; channel < channels; ++channel) {
      const size_t at = size_t(channel) * stride;
      const Source own = scaled(block.row(source, x, tile, channel), factor);
      std::optional<Through> norm;
      if (source) norm.emplace(block, source - 1, tile, channel);
      int column = 0;
      for (; column + 4 * LANES <= end; column += 4 * LANES)
        total<4>(terms, own, at, column, valued ? values : nullptr, norm ? &*norm : nullptr, to);
      for (; column < end; column += LANES) total<1>(terms, own, at, column, valued ? values : nullptr, norm ? &*norm : nullptr, to);
      if (norm) keep(*norm, source - 1, tile, channel);
      if (valued) clear_tail(values + at, length);
    }
    if (!source && !geometry.plain()) geometry.write(to, tile, image_gradient);
    if (valued) dots(channels, channels, end, head, stride, values, stride, worker.output[place].data(), channels);
    if (of_gates)
      for (const Term& term : terms)
        if (term.gate >= 0) worker.gates[term.gate] += sum(term.product);
  }

  struct Term {
    const float* gradient;  // a tile
    float weight;
    int gate;
    Vector product = {};  // of the gradient with what the source gave: that of the gate
  };

  // The sum of the terms for V vectors of a row. own: what the source gave, as eq. 4 reads it; values: where to keep that; norm: what it goes through; if not null.
  template <int V>
  void total(std::vector<Term>& terms, const Source& own, size_t at, int column, float* values, Through* norm, float* to) const {
    Vector added[V] = {}, given[V] = {};
    if (of_gates || values)
      for (int v = 0; v < V; ++v) given[v] = value(own, load(own.row + column + v * LANES));
    if (values)
      for (int v = 0; v < V; ++v) store(values + at + column + v * LANES, given[v]);
    for (Term& term : terms) {
      Vector product = {};
      for (int v = 0; v < V; ++v) {
        const Vector gradient = load(term.gradient + at + column + v * LANES);
        added[v] += term.weight * gradient;
        product += gradient * given[v];
      }
      if (of_gates) term.product += product;
    }
    for (int v = 0; v < V; ++v)
      store(to + at + column + v * LANES, norm ? norm->pass(added[v], column + v * LANES) : added[v]);
  }

  // A tile of the shortcut's gradient of the block's input.
  const float* past(int tile, int thread, const float* x, Scratch& scratch) {
    if (!plan.projected) return heads + tile * geometry.tile();
    const int stride = geometry.stride, end = padded(geometry.length(tile));
    const float* delta = deltas[plan.shortcut()] + tile * geometry.tile();
    float* to = scratch.take(geometry.tile());
    product<false>(channels, channels, end, shortcut_transposed.data(), channels, delta, stride, to, stride);
    if (of_weights) dots(channels, channels, end, delta, stride, x, stride, workers[thread].shortcut.data(), channels);
    return to;
  }

  // The sums of a map's gradient over all images; that of β is the first, that of γ goes with the second.
  void centre(int number, const std::vector<float*>& gradients) {
    const double all = double(geometry.images) * geometry.pixels;
    const Statistics& norm = block.norms[number];
    for (int channel = 0; channel < channels; ++channel) {
      double added = 0, apart = 0;
      for (int tile = 0; tile < geometry.tiles; ++tile) {
        added += first[number][size_t(tile) * channels + channel];
        apart += second[number][size_t(tile) * channels + channel];
      }
      if (of_weights) gradients[plan.norms[number].beta][channel] = float(added);
      if (of_weights && plan.trained) gradients[plan.norms[number].gamma][channel] = float(apart * norm.narrowing[channel]);
      means[number][channel] = float(added / all);
      second_means[number][channel] = float(apart / all * norm.narrowing[channel] * norm.narrowing[channel]);
    }
  }

  // The gradient of a map before batch norm; `to` may be that behind it.
  void through_norm(int number, int tile, float* to) const {
    const Statistics& norm = block.norms[number];
    const int end = padded(geometry.length(tile));
    for (int channel = 0; channel < channels; ++channel) {
      const size_t at = size_t(channel) * geometry.stride, place = tile * geometry.tile() + at;
      const float *map = block.maps[number] + place, *delta = deltas[number] + place;
      for (int column = 0; column < end; column += LANES)
        store(to + at + column, norm.scale[channel] * (load(delta + column) - means[number][channel] -
                                                       second_means[number][channel] * (load(map + column) - norm.mean[channel])));
      clear_tail(to + at, geometry.length(tile));
    }
  }

  // From the gradients of a level's maps to those of what its operations read, and of their weights.
  void push(const Level& level, int tile, int thread) {
    Worker& worker = workers[thread];
    Scratch& scratch = worker.scratch.fresh();
    const int count = level.end - level.begin, stride = geometry.stride, end = padded(geometry.length(tile));
    const float* x = block.tile(inputs[Plan::IMAGE], tile);
    const std::vector<float> mixing = block.mixing(level, inputs, tile);
    float* rows = scratch.take(size_t(count) * stride);
    std::vector<float*> before(count), middle(count), frames(count), flats(count);
    for (int place = 0; place < count; ++place) {
      const int number = level.begin + place;
      const Operation& operation = plan.operations[number];
      const Frame& shape = block.frames[number];
      frames[place] = scratch.take(2 * shape.size());
      std::fill(frames[place], frames[place] + 2 * shape.size(), 0.0f);
      flats[place] = scratch.take(shape.flat());
      before[place] = scratch.take(geometry.tile());
      through_norm(number, tile, before[place]);
      middle[place] = before[place];
      if (!operation.separable) continue;
      middle[place] = scratch.take(geometry.tile());
      product<false>(channels, channels, end, transposed[number].data(), channels, before[place], stride, middle[place], stride);
    }
    std::vector<const float*> fed(count, nullptr);
    for (int channel = 0; channel < channels; ++channel) {
      if (of_weights) block.fed(level, mixing, x, tile, channel, rows, fed);
      for (int place = 0; place < count; ++place)
        window(level.begin + place, tile, channel, worker, fed[place], middle[place] + size_t(channel) * stride,
               frames[place], flats[place]);
    }
    if (!of_weights) return;
    for (int place = 0; place < count; ++place)
      if (plan.operations[level.begin + place].separable)
        dots(channels, channels, end, before[place], stride, middle[place], stride,
             worker.operations[level.begin + place].pointwise.data(), channels);
  }

  // One channel of an operation's first layer. gradient: of what it gave, which is replaced by what it gave where weights need that.
  void window(int number, int tile, int channel, Worker& worker, const float* fed, float* gradient, float* frame, float* flat) {
    const Operation& operation = plan.operations[number];
    const Frame& shape = block.frames[number];
    const int first = channel * operation.kernel * operation.kernel;
    float* to = deltas[number] + tile * geometry.tile() + size_t(channel) * geometry.stride;
    float* other = frame + shape.size();
    for (int image = 0; image < geometry.count(tile); ++image) {
      const int at = image * geometry.pixels;
      shape.fill(gradient + at, frame);
      if (operation.kind == Kind::LARGEST) {
        shape.fill(block.places_of(number, tile) + size_t(channel) * geometry.stride + at, other);
        largest_gradient(shape, frame, other, flat);
        shape.take(flat, to + at);
        continue;
      }
      convolve(shape, frame, turned[number].data() + first, to + at, flat);
      if (operation.kind == Kind::AVERAGE || !of_weights) continue;
      shape.fill(fed + at, other);
      kernel_gradient(shape, other, frame, worker.operations[number].depthwise.data() + first);
      if (operation.separable) convolve(shape, other, kernels[number].data() + first, gradient + at, flat);
    }
    clear_tail(to, geometry.length(tile));
  }

  // Add up what the threads have.
  void finish(const std::vector<float*>& gradients, int64_t gates) {
    if (of_gates)
      for (int64_t place = 0; place < gates; ++place) {
        double total = 0;
        for (const Worker& worker : workers) total += worker.gates[place];
        gradients[Plan::GATES][place] = float(total);
      }
    if (!of_weights) return;
    for (size_t number = 0; number < plan.operations.size(); ++number) {
      const Operation& operation = plan.operations[number];
      if (operation.kind == Kind::CONVOLUTION)
        add(gradients[operation.depthwise], 1.0f, [&](const Worker& worker) -> auto& { return worker.operations[number].depthwise; });
      if (operation.separable)
        add(gradients[operation.pointwise], 1.0f, [&](const Worker& worker) -> auto& { return worker.operations[number].pointwise; });
    }
    for (size_t place = 0; place < plan.output.size(); ++place)
      for (int row = 0; row < channels; ++row)
        add(output_weight(gradients, place) + size_t(row) * output_stride(), block.learned(plan.output[place].gate, inputs),
            [&](const Worker& worker) -> auto& { return worker.output[place]; }, row * channels, channels);
    if (plan.projected) add(gradients[plan.shortcut_weight], 1.0f, [](const Worker& worker) -> auto& { return worker.shortcut; });
  }

  // The sum of all threads' parts, or of `size` values from `begin` on.
  template <typename Part>
  void add(float* to, float scale, Part part, size_t begin = 0, size_t size = 0) const {
    if (!size) size = part(workers[0]).size();
    for (size_t place = 0; place < size; ++place) {
      float total = 0;
      for (const Worker& worker : workers) total += part(worker)[begin + place];
      to[place] = scale * total;
    }
  }

  Block& block;
  const Plan& plan;
  const Geometry& geometry;
  const std::vector<float*>& inputs;
  const bool of_weights, of_gates;
  int channels;
  const float* heads;
  Array head_tiles;
  std::vector<Worker> workers;
  std::vector<Array> deltas;  // of each operation, by tile: the gradient of its map, then of what it read
  std::vector<std::vector<float>> first, second, means, second_means;
  std::vector<std::vector<float>> kernels, turned;  // of windows, by operation
  std::vector<std::vector<float>> transposed, output_transposed;
  std::vector<float> shortcut_transposed;
};

}  // namespace dsonas
