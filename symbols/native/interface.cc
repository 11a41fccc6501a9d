// MXNet's own side of a library, but for what loses memory with each call. MXNet asks for messages after calls that went well, too: its store
// keeps them for ever, and makes a copy for each question that nobody frees. Nor does anybody free the list of an operator's inputs that change.
#define _msgSize mxnet_messages
#define _msgGet mxnet_message
#define _opCallMutateInputs mxnet_changing_inputs
#include "lib_api.cc"
#undef _msgSize
#undef _msgGet
#undef _opCallMutateInputs

#include <cstdlib>
#include <vector>

#include "message.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int _msgSize() { return !dsonas::message().empty(); }

EXPORTED void _msgGet(int, const char** message) {
  static thread_local std::string read;
  read.clear();
  read.swap(dsonas::message());
  *message = read.c_str();
}

// MXNet copies the list at once.
EXPORTED int _opCallMutateInputs(mxnet::ext::mutateInputs_t mutate, const char* const* keys, const char* const* values, int count, int** places,
                                 int* size) {
  static thread_local std::vector<int> read;
  const int done = mxnet_changing_inputs(mutate, keys, values, count, places, size);
  if (!done) return done;
  read.assign(*places, *places + *size);
  std::free(*places);
  *places = read.data();
  return done;
}
