// What decides a training of the network, and what its steps are presented.
#pragma once

#include <cstdint>

namespace lecun89 {

// none of out alone, whose sums are logits then; of H1, H2 and H3 where none was set.
enum class ActivationKind { none, tanh, scaled_tanh, relu, gelu, silu };
enum class LossKind { mse, half_mse, cross_entropy };
// sdlm estimates its curvature with every example, sdlm_by_pass before each pass; none leaves
// weights as they are.
enum class OptimizerKind { none, sgd, adamw, sdlm, sdlm_by_pass };
enum class Layer { none, H2, H3 };

static constexpr bool is_sdlm(OptimizerKind kind) {
    return kind == OptimizerKind::sdlm || kind == OptimizerKind::sdlm_by_pass;
}

// 1, or the paper's 1/2.
static constexpr double loss_factor(LossKind kind) { return kind == LossKind::half_mse ? 0.5 : 1; }

// The combinations that lecun89/variants can make, and any without an optimizer, for gradients: the
// kernels hold code for these alone.
static constexpr bool go_together(ActivationKind activation, LossKind loss,
                                  OptimizerKind optimizer) {
    if (activation == ActivationKind::none) return false;
    if (optimizer == OptimizerKind::adamw) return loss == LossKind::cross_entropy;
    if (is_sdlm(optimizer))
        return loss != LossKind::cross_entropy && activation != ActivationKind::gelu &&
               activation != ActivationKind::silu;
    return true;
}

// Its constants. They are named like the fields of lecun89.variants.Variant, which explains them;
// checks.h says what they may be. As they stand here, nothing is shifted, distorted or dropped.
struct Training {
    ActivationKind activation = ActivationKind::none;
    ActivationKind output_activation = ActivationKind::none;
    LossKind loss = LossKind::mse;
    double target = 1;  // of mse: + that of the digit's own output, - that of the others
    OptimizerKind optimizer = OptimizerKind::none;
    double damping = 0.05;
    double memory = 0.05;
    double weight_decay = 0.01;
    Layer dropout_after = Layer::none;
    double dropout = 0;
    int shift = 0;
    double rotation = 0;  // degrees
    double scaling = 0, shear = 0, translation = 0, elastic = 0, elastic_sigma = 2.3, stroke = 0;
    uint64_t seed = 0;       // of shifts and masks
    int64_t batch_size = 1;  // examples in a step
};

constexpr int kGrid = 9;  // points of the elastic field's noise in y and x

// A training with what follows from it, and what is set for each pass. Digits are not owned; pixels
// are in [-1, 1], labels below 10.
struct Presentation : Training {
    bool distorts = false;
    double angle = 0;                    // rotation in radians
    float smoothing[kGrid][16] = {};     // of the elastic field
    const float* images = nullptr;       // [n][16][16]
    const uint8_t* labels = nullptr;     // [n]
    int64_t digits = 0;                  // n
    const uint8_t* originals = nullptr;  // [n][28][28], what distortions read; else the images
    const int32_t* order = nullptr;      // [n], a permutation: the digits in the pass's order
    const float* targets = nullptr;      // [n][10], probabilities in place of labels
    uint64_t distortion_seed = 0;        // of the distortions' draws, with
    uint32_t variation = 0;              // in place of the pass
};

}  // namespace lecun89
