// What a step does with the gradient of eight neighbouring weights. An optimizer touches each
// weight once a step, while it is in a register for the backward pass anyway.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "network.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

// From a weight to what is kept for it, in floats.
constexpr std::ptrdiff_t kFirstMoment = sizeof(Parameters) / sizeof(float);
constexpr std::ptrdiff_t kSecondMoment = 2 * kFirstMoment;
static_assert(std::is_standard_layout_v<Network>, "offsetof has no meaning");
static_assert(offsetof(Network, weights) == 0 &&
                  offsetof(Network, first_moment) == kFirstMoment * sizeof(float) &&
                  offsetof(Network, second_moment) == kSecondMoment * sizeof(float),
              "weights and moments must lie back to back");
static_assert(kFirstMoment % kLanes == 0, "an update of all weights takes whole vectors");

struct Sgd {
    static constexpr OptimizerKind kind = OptimizerKind::sgd;
    V8 lr;
    Sgd(const Training&, double lr, int64_t) : lr(all(float(lr))) {}
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight, load(weight) - lr * gradient);
    }
};

// torch.optim.AdamW (Loshchilov and Hutter 2019) with PyTorch's default constants but
// for the decay.
struct AdamW {
    static constexpr OptimizerKind kind = OptimizerKind::adamw;
    V8 decay, rate, root;
    AdamW(const Training& t, double lr, int64_t updates) {
        // Beyond, 0.999^updates is less than what a double can take from 1.
        double n = updates < 50'000 ? double(updates) : 50'000;
        decay = all(float(1 - lr * t.weight_decay));
        rate = all(float(lr / (1 - std::pow(0.9, n))));
        root = all(float(1 / std::sqrt(1 - std::pow(0.999, n))));
    }
    INLINE void operator()(float* weight, V8 gradient) const {
        V8 first = load(weight + kFirstMoment), second = load(weight + kSecondMoment);
        first += (gradient - first) * all(0.1f);
        second = second * all(0.999f) + gradient * gradient * all(0.001f);
        store(weight + kFirstMoment, first);
        store(weight + kSecondMoment, second);
        V8 step = rate * first / (square_root(second) * root + all(1e-8f));
        store(weight, load(weight) * decay - step);
    }
};

// Stochastic diagonal Levenberg-Marquardt (Becker and LeCun 1988; LeCun et al. 1989): each weight
// has a rate of its own, by the curvature that lies where AdamW has its first moment. Also
// sdlm_by_pass, which differs in when the curvature is estimated.
struct Sdlm {
    static constexpr OptimizerKind kind = OptimizerKind::sdlm;
    V8 lr, damping;
    Sdlm(const Training& t, double lr, int64_t) : lr(all(float(lr))), damping(all(float(t.damping))) {}
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight, load(weight) - lr * gradient / (damping + load(weight + kFirstMoment)));
    }
};

struct NoOptimizer {
    static constexpr OptimizerKind kind = OptimizerKind::none;
};

// Moves the running mean of the curvature by its share towards that of an example.
struct Remember {
    V8 share;
    explicit Remember(double share) : share(all(float(share))) {}
    INLINE void operator()(float* weight, V8 curvature) const {
        V8 mean = load(weight + kFirstMoment);
        store(weight + kFirstMoment, mean + (curvature - mean) * share);
    }
};

// In batches, in place of an optimizer.
struct Accumulate {
    std::ptrdiff_t sum;  // from a weight to where its gradients are added up, in floats
    explicit Accumulate(std::ptrdiff_t sum) : sum(sum) {}
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight + sum, load(weight + sum) + gradient);
    }
};

}  // namespace
}  // namespace lecun89::LECUN89_ISA
