// What each instruction set implements; see kernel.cpp.
#pragma once

#include <cstdint>

#include "network.h"
#include "threads.h"
#include "training.h"

namespace lecun89 {

struct Kernel {
    const char* name;
    // Steps `first` to before `last` of a pass; its last step takes the examples that are left. Is
    // called by each of a crew, which is of one for steps of one example.
    void (*train)(Network&, const Presentation&, uint32_t pass, int64_t first, int64_t last,
                  double lr, const Crew&);
    // The curvature of digits `first` to before `last`, for sdlm_by_pass.
    void (*estimate)(Network&, const Presentation&, int64_t first, int64_t last);
    // The misses among digits `first` to before `last`, and the loss of each.
    int64_t (*evaluate)(const Parameters&, const Presentation&, int64_t first, int64_t last,
                        double* losses);
    // Digits `first` to before `last`, distorted, [last - first][16][16].
    void (*distort)(const Presentation&, int64_t first, int64_t last, float* to);
    void (*tanh)(const float* from, float* to, int64_t count);  // count is a multiple of 8
};

}  // namespace lecun89
