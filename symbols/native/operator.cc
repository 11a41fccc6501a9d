// The operator that MXNet knows: dsonas_block(image, λ or masks of the edges if there are any, arrays of each operation, weights of eq. 4, batch norm's
// arrays behind it, the same of the shortcut; plan=…, wanted=…).
#include <mxnet/lib_api.h>

#include <algorithm>
#include <locale>
#include <memory>
#include <mutex>
#include <sstream>

#include "backward.h"
#include "forward.h"
#include "message.h"

using namespace mxnet::ext;

namespace {

typedef std::unordered_map<std::string, std::string> Attributes;

std::vector<float*> arrays(std::vector<MXTensor>& tensors, size_t begin, size_t count) {
  std::vector<float*> found;
  for (size_t place = begin; place < begin + count; ++place) found.push_back(tensors[place].data<float>());
  return found;
}

// Plans are asked for again and again while a graph is made.
const dsonas::Plan& plan_of(const Attributes& attributes) {
  static std::mutex mutex;
  static std::unordered_map<std::string, dsonas::Plan>* plans = new std::unordered_map<std::string, dsonas::Plan>;
  std::lock_guard<std::mutex> lock(mutex);
  const std::string& text = attributes.at("plan");
  auto found = plans->find(text);
  return found != plans->end() ? found->second : plans->emplace(text, dsonas::Plan(text)).first->second;
}

// Of an attribute, whatever the process's locale writes for a point.
float number(const Attributes& attributes, const char* name) {
  std::istringstream text(attributes.at(name));
  text.imbue(std::locale::classic());
  float value;
  if (!(text >> value)) throw std::invalid_argument(std::string(name) + ": no number in '" + attributes.at(name) + "'");
  return value;
}

// Do it, or say in MXNet's way why not.
template <typename Work>
MXReturnValue guarded(Work work) {
  try {
    work();
    return MX_SUCCESS;
  } catch (const std::exception& error) {
    dsonas::message() = std::string("dsonas_block: ") + error.what();
    return MX_FAIL;
  }
}

class Operator : public CustomStatefulOp {
 public:
  explicit Operator(const Attributes& attributes)
      : plan(plan_of(attributes)), epsilon(number(attributes, "eps")), momentum(number(attributes, "momentum")) {
    const std::string& wanted = attributes.at("wanted");
    of_weights = wanted != "gates", of_gates = wanted != "weights" && plan.learned();
  }

  MXReturnValue Forward(std::vector<MXTensor>* inputs, std::vector<MXTensor>* outputs, const OpResource&) override {
    return guarded([&] { compute(*inputs, 0, outputs->at(0).data<float>(), momentum); });
  }

  MXReturnValue Backward(std::vector<MXTensor>* inputs, std::vector<MXTensor>* outputs, const OpResource&) override {
    return guarded([&] {
      std::vector<float*> given = arrays(*inputs, 1, plan.inputs());
      if (!block) {  // a second time: what was kept is gone, and running statistics have moved already
        const std::vector<int64_t>& shape = inputs->at(1).shape;
        std::vector<float> unused(shape[0] * shape[1] * shape[2] * shape[3]);
        compute(*inputs, 1, unused.data(), 1.0f);
      }
      dsonas::Backward(*block, given, of_weights, of_gates)
          .run(inputs->at(0).data<float>(), arrays(*outputs, 0, plan.inputs()), plan.learned() ? inputs->at(1 + dsonas::Plan::GATES).size() : 0);
      block.reset();
      if (plan.drawn) std::fill_n(outputs->at(dsonas::Plan::GATES).data<float>(), inputs->at(1 + dsonas::Plan::GATES).size(), 0.0f);
    });
  }

 private:
  void compute(std::vector<MXTensor>& tensors, size_t begin, float* output, float moving) {
    const std::vector<int64_t>& shape = tensors[begin].shape;
    block.reset();  // first, so that its memory is used again
    block.reset(new dsonas::Block(plan, dsonas::Geometry(shape[0], shape[1], shape[2], shape[3], dsonas::threads(), plan.drawn)));
    std::vector<float*> given = arrays(tensors, begin, plan.inputs());
    dsonas::Forward(*block, given, epsilon, moving).run(output);
  }

  const dsonas::Plan& plan;
  const float epsilon, momentum;
  bool of_weights, of_gates;
  std::unique_ptr<dsonas::Block> block;
};

MXReturnValue parse(const Attributes& attributes, int* inputs, int* outputs) {
  return guarded([&] { *inputs = plan_of(attributes).inputs(), *outputs = 1; });
}

MXReturnValue types(const Attributes&, std::vector<int>* inputs, std::vector<int>* outputs) {
  for (int& type : *inputs) type = kFloat32;
  outputs->at(0) = kFloat32;
  return MX_SUCCESS;
}

MXReturnValue shapes(const Attributes& attributes, std::vector<dsonas::Plan::Shape>* inputs, std::vector<dsonas::Plan::Shape>* outputs) {
  return guarded([&] {
    const dsonas::Plan::Shape& image = inputs->at(dsonas::Plan::IMAGE);
    if (image.empty()) return;  // not known yet
    plan_of(attributes).fit(*inputs);
    outputs->at(0) = image;
  });
}

MXReturnValue moved(const Attributes& attributes, std::vector<int>* places) {
  return guarded([&] {
    for (const dsonas::Norm& norm : plan_of(attributes).norms) places->push_back(norm.mean), places->push_back(norm.variance);
  });
}

MXReturnValue create(const Attributes& attributes, const MXContext&, const std::vector<std::vector<unsigned int>>&, const std::vector<int>,
                     CustomStatefulOp** made) {
  return guarded([&] { *made = CustomStatefulOp::create<Operator>(attributes); });
}

}  // namespace

REGISTER_OP(dsonas_block).setParseAttrs(parse).setInferType(types).setInferShape(shapes).setMutateInputs(moved).setCreateOpState(create, "cpu");

MXReturnValue initialize(int version) {
  return version >= 10400 ? MX_SUCCESS : MX_FAIL;
}
