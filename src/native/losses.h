// The loss of one example, and the deltas of out that the backward pass starts from.
#pragma once

#include "activations.h"
#include "example.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

constexpr V8 kUsed[2] = {{1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 0, 0, 0, 0, 0, 0}};

// Also half of it.
struct Mse {
    static constexpr LossKind kind = LossKind::mse;
    static INLINE void delta(Example& e, int64_t digit, const Presentation& t) {
        const int label = t.labels[digit];
        // SDLM's constants belong to 1/2 of the sum over outputs, the loss is a mean.
        const V8 factor = all(is_sdlm(t.optimizer) ? 1.0f : 0.2f * float(loss_factor(t.loss)));
        UNROLL for (int half = 0; half < 2; half++) {
            alignas(32) float targets[8];
            store(targets, all(float(-t.target)));
            if (label / 8 == half) targets[label % 8] = float(t.target);
            V8 value = load(e.out + 8 * half), slope = all(1.0f);
            if (t.output_activation == ActivationKind::tanh)
                value = tanh(value), slope = Tanh::slope(value);
            if (t.output_activation == ActivationKind::scaled_tanh)
                value = ScaledTanh::value(value), slope = ScaledTanh::slope(value);
            slope *= kUsed[half];
            store(e.outslope + 8 * half, slope);
            store(e.outdelta + 8 * half, (value - load(targets)) * (factor * slope));
        }
    }
};

struct CrossEntropy {
    static constexpr LossKind kind = LossKind::cross_entropy;
    static INLINE void delta(Example& e, int64_t digit, const Presentation& t) {
        float highest = e.out[0];
        for (int k = 1; k < 10; k++) highest = e.out[k] > highest ? e.out[k] : highest;
        V8 powers[2];
        UNROLL for (int half = 0; half < 2; half++)
            powers[half] = exp((load(e.out + 8 * half) - all(highest)) * kUsed[half]) * kUsed[half];
        V8 scale = all(1 / sum(powers[0] + powers[1]));
        UNROLL for (int half = 0; half < 2; half++)
            store(e.outdelta + 8 * half, powers[half] * scale);
        if (!t.targets) {
            e.outdelta[t.labels[digit]] -= 1;
            return;
        }
        for (int k = 0; k < 10; k++) e.outdelta[k] -= t.targets[10 * digit + k];
    }
};

}  // namespace
}  // namespace lecun89::LECUN89_ISA
