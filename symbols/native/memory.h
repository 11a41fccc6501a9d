// Memory for feature maps, which goes from one use to the next without a return to the system.
#pragma once

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace dsonas {

constexpr size_t LONG_AGO = 20000;  // times that memory was taken: more than ten steps of a large network

class Pool {
 public:
  static Pool& get() {
    static Pool* pool = new Pool;  // outlives the operators that give back at the process's end
    return *pool;
  }

  float* take(size_t floats) {
    std::lock_guard<std::mutex> lock(mutex);
    ++now;
    auto fit = free.lower_bound(floats);
    if (fit != free.end() && fit->first <= floats + floats / 4) {
      float* memory = fit->second.memory;
      taken[memory] = fit->first;
      free.erase(fit);
      return memory;
    }
    drop();
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, (floats ? floats : 1) * sizeof(float))) throw std::bad_alloc();
    taken[static_cast<float*>(memory)] = floats;
    return static_cast<float*>(memory);
  }

  void give(float* memory) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = taken.find(memory);
    free.emplace(found->second, Free{memory, now});
    taken.erase(found);
  }

 private:
  struct Free {
    float* memory;
    size_t since;
  };

  // Return to the system what nobody has taken for long: it was for a network, or for batches, of other sizes.
  void drop() {
    for (auto one = free.begin(); one != free.end();) {
      if (one->second.since + LONG_AGO < now) {
        std::free(one->second.memory);
        one = free.erase(one);
      } else {
        ++one;
      }
    }
  }

  std::mutex mutex;
  size_t now = 0;
  std::multimap<size_t, Free> free;
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
