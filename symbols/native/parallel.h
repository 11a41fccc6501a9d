// Work on tiles, shared among the threads that MXNet's own operators use.
#pragma once

#include <omp.h>

namespace dsonas {

inline int threads() { return omp_get_max_threads(); }

// Call work(tile, thread) for each tile; a thread takes neighbours, and the same ones each time.
template <typename Work>
void for_tiles(int tiles, Work work) {
#pragma omp parallel
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const int end = int(int64_t(tiles) * (thread + 1) / team);
    for (int tile = int(int64_t(tiles) * thread / team); tile < end; ++tile) work(tile, thread);
  }
}

}  // namespace dsonas
