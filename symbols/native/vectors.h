// Vectors of floats, as wide as the processor's registers, and what is done with them everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dsonas {

#if defined(__AVX512F__)
constexpr int LANES = 16;
constexpr int ROWS = 8;  // rows of a matrix product that are computed at once; with two vectors each they fill the registers
#elif defined(__AVX__)
constexpr int LANES = 8;
constexpr int ROWS = 4;
#else
constexpr int LANES = 4;
constexpr int ROWS = 4;
#endif

// L floats anywhere in memory. (Attributes of a type are lost where it is a template's argument, so templates take a number of lanes.)
template <int L>
struct Floats {
  typedef float type __attribute__((vector_size(4 * L), aligned(4), may_alias));
};
typedef Floats<LANES>::type Vector;
typedef int32_t Whole __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void store(float* to, Vector values) { *reinterpret_cast<Vector*>(to) = values; }
inline Vector all(float value) { return value - Vector{}; }

// A value that stays in its register, where a compiler would read it from memory again for each use.
inline Vector kept(Vector x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__SSE__)
  asm("" : "+x"(x));
#endif
  return x;
}

// The larger of x and `least`; a NaN stays one.
inline Vector at_least(Vector x, Vector least) { return x < least ? least : x; }

template <int L>
inline typename Floats<L>::type load_some(const float* from) {
  return *reinterpret_cast<const typename Floats<L>::type*>(from);
}

// The sum over L lanes, in halves.
template <int L = LANES>
inline float sum(typename Floats<L>::type x) {
  typename Floats<L / 2>::type low, high;
  std::memcpy(&low, &x, sizeof(low));
  std::memcpy(&high, reinterpret_cast<const char*>(&x) + sizeof(low), sizeof(high));
  return sum<L / 2>(low + high);
}

template <>
inline float sum<2>(Floats<2>::type x) {
  return x[0] + x[1];
}

// How many floats a row of `length` takes, in whole vectors.
inline int padded(int length) { return (length + LANES - 1) / LANES * LANES; }

// Zeros behind the `length` values of a row: all rows hold them there, so that sums over whole vectors are right.
inline void clear_tail(float* row, int length) {
  for (int place = length, end = padded(length); place < end; ++place) row[place] = 0.0f;
}

}  // namespace dsonas
