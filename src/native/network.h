// The 1989 network in memory.
//
// Names are the paper's. A *unit* has a value, a *plane* is a feature map, a *tap* is one of the
// 25 weights of a 5x5 kernel. What lies side by side is what one instruction handles:
//
//   H1w  [25 taps][16]        the lanes are the 12 planes of H1; lanes 12 to 15 repeat planes 0 to 3
//   H1   [8][8 units][16]     likewise, so that the eight planes that each third of H2's planes
//                             sees are neighbours:   lane  0  1 .. 3  4 .. 7  8 .. 11  12 .. 15
//                                                   plane  0  1 .. 3  4 .. 7  8 .. 11   0 ..  3
//                             planes 0-3 of H2 see    |---- 0 -----|
//                             planes 4-7 see                  |----- 4 -----|
//                             planes 8-11 see                         |------- 8 ------|
//   H2w  [12][25 taps][8]     the lanes are the eight planes seen
//   H2   [3 thirds][4][4 units][4 planes]
//   H3w  [32][192]            by output, the last two unused; the lanes are H2's units
//   H3   [32]
//   outw [32][16]             by input, the last two unused; so are lanes 10 to 15: all zero
//   out  [16]
//
// The image is kept with 1 added: background is 0 then, so that the paper around the digit and the
// border of -1 around the image drop out of every sum. What their -1 contributes is the negated sum
// of the weights (forward) or of the deltas (backward), taken once. H1's border of -1 is treated
// alike, but H1 is not moved: a unit of ReLU that is 0 has to leave a gradient of exactly 0, or
// AdamW, which divides by its size, makes steps of the roundings.
#pragma once

#include <cstdint>

namespace lecun89 {

struct alignas(64) Parameters {
    float H1w[25][16];
    float H1b[64][16];
    float H2w[12][25][8];
    float H2b[192];
    float H3w[32][192];
    float H3b[32];
    float outw[32][16];
    float outb[16];
};

// Optimizers walk over a Parameters, and from each weight to its moments, as over one array.
static_assert(sizeof(Parameters) == sizeof(float) * (25 * 16 + 64 * 16 + 12 * 25 * 8 + 192 +
                                                     32 * 192 + 32 + 32 * 16 + 16),
              "Parameters has padding");

constexpr int kMostParts = 16;  // of a batch, each of which one thread adds up

// Parts of a batch of so many digits: of at least four, and a power of two.
constexpr int parts_of(int64_t digits) {
    int parts = 1;
    while (parts < kMostParts && digits >= 8 * parts) parts *= 2;
    return parts;
}

constexpr int kLine = 64 / sizeof(float);  // floats in a cache line

constexpr int kBorder = 2;  // around image and H1; a kernel reaches out so far

struct Gradients {
    Parameters parts[kMostParts];  // the sum over each part of a batch
    Parameters mean;               // of the last step
};

struct Network {
    Parameters weights;
    Parameters first_moment;   // of AdamW; of SDLM, the curvature
    Parameters second_moment;  // of AdamW
    int64_t updates;
    Gradients* gradients;  // where they are kept: in batches, and without optimizer
};

}  // namespace lecun89
