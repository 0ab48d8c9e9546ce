// The 1989 network in memory, and what a training of it needs to know.
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

#include <cstddef>
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

enum class ActivationKind { none, tanh, scaled_tanh, relu, gelu, silu };  // none of out alone
enum class LossKind { mse, cross_entropy };
// sdlm estimates its curvature with every example, sdlm_by_pass before each pass; none leaves
// weights as they are.
enum class OptimizerKind { sgd, adamw, sdlm, sdlm_by_pass, none };
enum class Layer { none, H2, H3 };

// See lecun89/engines/distortions.py. All are 0 where there is none.
struct Distortion {
    double rotation;  // radians
    double scaling, shear, translation, elastic, stroke;
};

constexpr int kGrid = 9;  // points of the elastic field's noise in y and x

// A training's constants, and what is set for each pass. Digits are not owned; pixels are in [-1, 1], labels below 10.
struct Training {
    ActivationKind activation;
    LossKind loss;
    double loss_factor;  // 1, or the paper's 1/2
    ActivationKind output_activation;
    OptimizerKind optimizer;
    double damping;  // of SDLM: mu
    double memory;   // of SDLM: gamma, the share of the newest example
    Layer dropout_after;
    double dropout;
    int shift;
    bool distorts;
    Distortion distortion;
    float smoothing[kGrid][16];  // of the elastic field
    double weight_decay;         // of AdamW
    uint64_t seed;
    int64_t batch_size;               // examples in a step
    const float* images = nullptr;    // [n][16][16]
    const uint8_t* labels = nullptr;  // [n]
    int64_t digits = 0;               // n
    const uint8_t* originals = nullptr;  // [n][28][28], what distortions read; else the images
    const int32_t* order = nullptr;      // [n], a permutation: the digits in the pass's order
    const float* targets = nullptr;      // [n][10], probabilities in place of labels
    uint64_t distortion_seed = 0;        // of the distortions' draws, with
    uint32_t variation = 0;              // in place of the pass
};

struct Network {
    Parameters weights;
    Parameters first_moment;   // of AdamW; of SDLM, the curvature
    Parameters second_moment;  // of AdamW
    Parameters gradient;       // of the last step, where it is kept: in batches, and without optimizer
    int64_t updates;
};

struct Score {
    double loss;  // sum over the digits
    int64_t misses;
};

// What each instruction set implements; see kernel.cpp.
struct Kernel {
    const char* name;
    // Steps `first` to before `last` of a pass; its last step takes the examples that are left.
    void (*train)(Network&, const Training&, uint32_t pass, int64_t first, int64_t last, double lr);
    // The curvature of digits `first` to before `last`, for sdlm_by_pass.
    void (*estimate)(Network&, const Training&, int64_t first, int64_t last);
    // Of digits `first` to before `last`.
    Score (*evaluate)(const Parameters&, const Training&, int64_t first, int64_t last);
    // Digits `first` to before `last`, distorted, [last - first][16][16].
    void (*distort)(const Training&, int64_t first, int64_t last, float* to);
    void (*tanh)(const float* from, float* to, int64_t count);  // count is a multiple of 8
};

}  // namespace lecun89
