// What MXNet is told of an error, once.
#pragma once

#include <string>

namespace dsonas {

// The message of this thread that MXNet has not read yet, or nothing: it asks for it in the thread that called.
inline std::string& message() {
  static thread_local std::string told;
  return told;
}

}  // namespace dsonas
