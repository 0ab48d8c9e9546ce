// What a unit makes of its sum, eight units at a time: a value, and its slope there.
#pragma once

#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

struct Unit {
    V8 value, slope;
};

struct Tanh {
    static constexpr ActivationKind kind = ActivationKind::tanh;
    static INLINE V8 value(V8 z) { return tanh(z); }
    static INLINE V8 slope(V8 value) { return all(1.0f) - value * value; }
    static INLINE Unit unit(V8 z) {
        V8 v = value(z);
        return {v, slope(v)};
    }
};

// LeCun et al. 1989's squashing function: 1.7159 tanh(2/3 z).
struct ScaledTanh {
    static constexpr ActivationKind kind = ActivationKind::scaled_tanh;
    static INLINE V8 value(V8 z) { return all(1.7159f) * tanh(z * all(2.0f / 3)); }
    static INLINE V8 slope(V8 value) {
        return all(1.7159f * 2 / 3) - value * value * all(2.0f / 3 / 1.7159f);
    }
    static INLINE Unit unit(V8 z) {
        V8 v = value(z);
        return {v, slope(v)};
    }
};

struct Relu {
    static constexpr ActivationKind kind = ActivationKind::relu;
    static INLINE V8 value(V8 z) { return maximum(all(0.0f), z); }
    static INLINE Unit unit(V8 z) {
        V8 v = value(z);
        return {v, v > all(0.0f) ? all(1.0f) : all(0.0f)};
    }
};

// Hendrycks and Gimpel 2016, as approximated there by tanh.
struct Gelu {
    static constexpr ActivationKind kind = ActivationKind::gelu;
    static INLINE V8 value(V8 z) { return unit(z).value; }
    static INLINE Unit unit(V8 z) {
        const V8 half = all(0.5f), one = all(1.0f);
        V8 square = z * z;
        V8 t = tanh(z * (all(0.79788456f) + all(0.79788456f * 0.044715f) * square));
        V8 inner = all(0.79788456f) + all(3 * 0.79788456f * 0.044715f) * square;
        V8 share = half + half * t;
        return {z * share, share + half * z * (one - t * t) * inner};
    }
};

// z times the logistic function of z.
struct Silu {
    static constexpr ActivationKind kind = ActivationKind::silu;
    static INLINE V8 value(V8 z) { return unit(z).value; }
    static INLINE Unit unit(V8 z) {
        V8 share = all(0.5f) + all(0.5f) * tanh(z * all(0.5f));
        return {z * share, share + z * share * (all(1.0f) - share)};
    }
};

}  // namespace
}  // namespace lecun89::LECUN89_ISA
