// Memory for feature maps, which goes from one use to the next without a return to the system.
#pragma once

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace dsonas {

class Pool {
 public:
  static Pool& get() {
    static Pool* pool = new Pool;  // outlives the operators that give back at the process's end
    return *pool;
  }

  float* take(size_t floats) {
    std::lock_guard<std::mutex> lock(mutex);
    auto fit = free.lower_bound(floats);
    if (fit != free.end() && fit->first <= floats + floats / 4) {
      float* memory = fit->second;
      taken[memory] = fit->first;
      free.erase(fit);
      return memory;
    }
    if (fit == free.end() && !free.empty()) drop();  // other networks than before
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, (floats ? floats : 1) * sizeof(float))) throw std::bad_alloc();
    taken[static_cast<float*>(memory)] = floats;
    return static_cast<float*>(memory);
  }

  void give(float* memory) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = taken.find(memory);
    free.emplace(found->second, memory);
    taken.erase(found);
  }

 private:
  void drop() {
    for (auto& entry : free) std::free(entry.second);
    free.clear();
  }

  std::mutex mutex;
  std::multimap<size_t, float*> free;
  std::map<float*, size_t> taken;
};

// An array that takes its memory from the pool.
class Array {
 public:
  Array() = default;
  explicit Array(size_t floats) : memory(Pool::get().take(floats)) {}
  Array(const Array&) = delete;
  Array(Array&& other) noexcept : memory(other.memory) { other.memory = nullptr; }
  Array& operator=(Array&& other) noexcept {
    std::swap(memory, other.memory);
    return *this;
  }
  ~Array() {
    if (memory) Pool::get().give(memory);
  }
  operator float*() const { return memory; }

 private:
  float* memory = nullptr;
};

}  // namespace dsonas
