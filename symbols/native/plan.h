// What a block computes: its operations, who feeds them by which λ, and where each array is among the operator's inputs.
//
// A plan is text: 'operations|edges of the output|shortcut|γ|λ'. Operations are separated by ';', and stand in the order of their levels. An
// operation is 'kind kernel dilation level' (kinds: separable, depthwise, average, max) and its edges 'source:λ', where source 0 is the block's input, source n the n-th operation, and
// λ a place in the block's vector, or -1 for an edge that has none. The shortcut is 'identity' or 'convolution'. 'fixed' behind it is γ
// that is 1, 'trained' γ that is trained. λ are 'learned', a vector that has a gradient, or 'drawn': each image has its own, (images, λ), which
// have none (drop path). Where no edge has a λ, there are none among the inputs. Without λ that are learned, the weights of eq. 4 are one input,
// (channels, edges · channels), instead of one for each edge.
#pragma once

#include <algorithm>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace dsonas {

enum class Kind { CONVOLUTION, AVERAGE, LARGEST };  // of the windows; a convolution's weights are trained

struct Edge {
  int source, gate;
};

struct Operation {
  Kind kind;
  int kernel, dilation, level;
  std::vector<Edge> edges;
  bool separable = false;              // whether a 1×1 convolution follows
  int depthwise = -1, pointwise = -1;  // places among the inputs
};

struct Level {
  int begin, end;     // operations of it
  bool alike = true;  // whether all of them read the same sources
};

struct Norm {
  int gamma, beta, mean, variance;  // places among the inputs
};

constexpr int WIDEST = 15;      // of kernels: places within one fit into a byte
constexpr int FARTHEST = 1024;  // of dilations

class Plan {
 public:
  explicit Plan(const std::string& text) {
    std::istringstream parts(text);
    std::string blocks, edges, shortcut, gamma, lambda;
    std::getline(parts, blocks, '|'), std::getline(parts, edges, '|'), std::getline(parts, shortcut, '|'),
        std::getline(parts, gamma, '|'), std::getline(parts, lambda, '|');
    std::istringstream separate(blocks);
    for (std::string part; std::getline(separate, part, ';');) operations.push_back(operation(part));
    output = read(edges);
    projected = shortcut == "convolution";
    trained = gamma == "trained";
    drawn = lambda == "drawn";
    if (output.empty() || (!projected && shortcut != "identity") || (!trained && gamma != "fixed") || (!drawn && lambda != "learned"))
      throw std::invalid_argument("plan: cannot compute '" + text + "'");
    number();
    if (drawn && !gated) throw std::invalid_argument("plan: no edge has a λ that is drawn");
  }

  int inputs() const { return count; }

  // The largest number of operations of a level.
  int widest() const {
    int most = 1;
    for (const Level& level : levels) most = std::max(most, level.end - level.begin);
    return most;
  }


  typedef std::vector<unsigned int> Shape;

  // Compare the shapes of the inputs with what the plan reads; those that are not known yet are set. The image's must be known.
  void fit(std::vector<Shape>& shapes) const {
    if (int(shapes.size()) != count || shapes[IMAGE].size() != 4) throw std::invalid_argument("block: the image has four axes");
    const unsigned int channels = shapes[IMAGE][1], edges = output.size();
    if (learned() && (shapes[GATES].size() != 1 || int(shapes[GATES][0]) < gates)) throw std::invalid_argument("block: too few λ");
    auto set = [&](int place, const Shape& wanted) {
      if (shapes[place].empty()) shapes[place] = wanted;
      if (shapes[place] != wanted) throw std::invalid_argument("block: input " + std::to_string(place) + " is of another shape");
    };
    if (drawn) set(GATES, {shapes[IMAGE][0], (unsigned int)gates});
    for (const Operation& one : operations) {
      const unsigned int kernel = one.kernel;
      if (one.depthwise >= 0) set(one.depthwise, {channels, 1, kernel, kernel});
      if (one.pointwise >= 0) set(one.pointwise, {channels, channels, 1, 1});
    }
    for (int place : output_weights) set(place, {channels, learned() ? channels : edges * channels, 1, 1});
    if (projected) set(shortcut_weight, {channels, channels, 1, 1});
    for (const Norm& one : norms)
      for (int place : {one.gamma, one.beta, one.mean, one.variance}) set(place, {channels});
  }

  bool learned() const { return gated && !drawn; }             // whether λ have a gradient
  int sum() const { return int(operations.size()); }           // the map of eq. 4's sum, behind those of the operations
  int shortcut() const { return int(operations.size()) + 1; }  // that of a shortcut by convolution

  std::vector<Operation> operations;
  std::vector<Level> levels;
  std::vector<Edge> output;
  bool projected;                   // whether the shortcut is a convolution
  bool trained;                     // whether γ is
  bool gated = false;               // whether any edge has a λ
  bool drawn;                       // whether each image has λ of its own, so that a tile must be one image
  int gates = 0;                    // how many λ the edges have: the length of an image's, the least of a vector that is learned
  std::vector<int> output_weights;  // of each edge of the output, its place among the inputs
  int shortcut_weight = -1;
  std::vector<Norm> norms;                 // of each map
  std::vector<std::vector<Edge>> readers;  // of each source: (operation, gate) of the edges that leave it
  std::vector<int> outputs_of;             // of each source: its place in `output`, or -1

  static constexpr int IMAGE = 0, GATES = 1;  // the first inputs, the second where there are λ

 private:
  static std::vector<Edge> read(const std::string& text) {
    std::istringstream words(text);
    std::vector<Edge> found;
    char colon;
    for (Edge edge; words >> edge.source >> colon >> edge.gate;) found.push_back(edge);
    if (!words.eof()) throw std::invalid_argument("plan: these are no edges: '" + text + "'");
    return found;
  }

  static Operation operation(const std::string& text) {
    std::istringstream words(text);
    std::string kind, edges;
    Operation made;
    words >> kind >> made.kernel >> made.dilation >> made.level;
    std::getline(words, edges);
    made.separable = kind == "separable";
    made.kind = made.separable || kind == "depthwise" ? Kind::CONVOLUTION : kind == "average" ? Kind::AVERAGE : Kind::LARGEST;
    made.edges = read(edges);
    const bool known = made.separable || kind == "depthwise" || kind == "average" || kind == "max";
    const bool sized = made.kernel > 0 && made.kernel % 2 && made.kernel <= WIDEST && made.dilation > 0 && made.dilation <= FARTHEST;
    if (!known || !sized || made.edges.empty())
      throw std::invalid_argument("plan: cannot compute '" + text + "'");
    return made;
  }

  static bool same(const std::vector<Edge>& some, const std::vector<Edge>& others) {
    bool equal = some.size() == others.size();
    for (size_t place = 0; equal && place < some.size(); ++place)
      equal = some[place].source == others[place].source && (some[place].gate < 0) == (others[place].gate < 0);
    return equal;
  }

  // Edges must come out of the block's input or of operations of earlier levels.
  void check(const std::vector<Edge>& edges, int level) {
    for (const Edge& edge : edges) {
      const bool there = edge.source >= 0 && edge.source <= int(operations.size()) && edge.gate >= -1;
      if (!there || (edge.source && operations[edge.source - 1].level >= level)) throw std::invalid_argument("plan: an edge out of nothing");
      gates = std::max(gates, edge.gate + 1);
    }
  }

  Norm norm() {
    Norm made{count, count + 1, count + 2, count + 3};
    count += 4;
    return made;
  }

  void number() {
    for (const Operation& one : operations) check(one.edges, one.level);
    check(output, std::numeric_limits<int>::max());
    gated = gates > 0;
    count = gated ? GATES + 1 : GATES;
    readers.resize(operations.size() + 1);
    outputs_of.assign(operations.size() + 1, -1);
    for (size_t index = 0; index < operations.size(); ++index) {
      Operation& one = operations[index];
      if (levels.empty() || operations[levels.back().begin].level != one.level) levels.push_back({int(index), int(index)});
      Level& level = levels.back();
      level.end = index + 1;
      level.alike = level.alike && same(one.edges, operations[level.begin].edges);
      if (one.kind == Kind::CONVOLUTION) one.depthwise = count++;
      if (one.separable) one.pointwise = count++;
      norms.push_back(norm());
      for (const Edge& edge : one.edges) readers[edge.source].push_back({int(index), edge.gate});
    }
    for (size_t place = 0; place < output.size(); ++place) {
      outputs_of[output[place].source] = place;
      output_weights.push_back(learned() ? count++ : count);
    }
    if (!learned()) ++count;
    norms.push_back(norm());
    if (!projected) return;
    shortcut_weight = count++;
    norms.push_back(norm());
  }

  int count = 0;
};

}  // namespace dsonas
