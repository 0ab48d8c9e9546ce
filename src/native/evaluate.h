// Scores of a split: eight digits at a time, one in each lane. Nothing depends on the digit
// before, so that no lane is padding and no sum crosses lanes.
#pragma once

#include <cmath>
#include <cstddef>

#include "activations.h"
#include "borders.h"
#include "example.h"
#include "network.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

struct alignas(64) Digits8 {
    float image[20][20][8] = {};  // 1 added, so that the border is 0
    float H1[12][8][8][8];
    float H2[192][8];
    float H3[32][8];
    float out[10][8];
    Rows used;  // of `image`; last, so that what is above is aligned
};
static_assert(offsetof(Digits8, H1) % sizeof(V8) == 0,
              "a vector across two cache lines takes longer");

INLINE void place(const float* const* pixels, Digits8& d) {
    d.used = {};
    for (int y = 0; y < 16; y++) {
        V8 bits = {};
        for (int x = 0; x < 16; x++) {
            V8 column;
            UNROLL for (int lane = 0; lane < 8; lane++) column[lane] = pixels[lane][16 * y + x];
            column += all(1.0f);
            bits = (V8)((I8)bits | (I8)column);
            store(d.image[y + 2][x + 2], column);
        }
        d.used.add(y + 2, any(bits));
    }
}

// Planes of H1, and units of H2, whose sums are kept at a time: as many as registers hold.
#if defined(__AVX512F__)
constexpr int kPlanes = 4, kUnits = 4;
#else
constexpr int kPlanes = 2, kUnits = 2;
#endif
static_assert(12 % kPlanes == 0 && 4 % kUnits == 0, "blocks cover planes and units exactly");

template <class Activation>
INLINE void layer_H1(const Parameters& p, Digits8& d) {
    for (int plane = 0; plane < 12; plane += kPlanes) {
        float background[kPlanes] = {};
        for (int tap = 0; tap < 25; tap++)
            for (int n = 0; n < kPlanes; n++) background[n] += p.H1w[tap][plane + n];
        for (int y = 0; y < 8; y++) {
            Taps rows = d.used.taps(2 * y);
            for (int x = 0; x < 8; x += 4) {
                V8 sum[kPlanes][4];
                UNROLL for (int n = 0; n < kPlanes; n++) UNROLL for (int i = 0; i < 4; i++)
                    sum[n][i] = all(p.H1b[8 * y + x + i][plane + n] - background[n]);
                for (int ky = rows.first; ky < rows.end; ky++) {
                    const float(*pixels)[8] = d.image[2 * y + ky] + 2 * x;
                    UNROLL for (int kx = 0; kx < 5; kx++) {
                        const float* weights = p.H1w[5 * ky + kx] + plane;
                        UNROLL for (int i = 0; i < 4; i++) UNROLL for (int n = 0; n < kPlanes; n++)
                            sum[n][i] += all(weights[n]) * load(pixels[2 * i + kx]);
                    }
                }
                UNROLL for (int n = 0; n < kPlanes; n++) UNROLL for (int i = 0; i < 4; i++)
                    store(d.H1[plane + n][y][x + i], Activation::value(sum[n][i]));
            }
        }
    }
}

template <class Activation>
INLINE void layer_H2(const Parameters& p, Digits8& d) {
    for (int third = 0; third < 3; third++) {
        const float(*weights)[25][8] = p.H2w + 4 * third;
        V8 border[4][3][3];
        for (int plane = 0; plane < 4; plane++) border_weights(weights[plane], border[plane]);
        for (int y = 0; y < 4; y++) {
            int first = y == 0 ? 2 : 0, end = y == 3 ? 4 : 5;
            UNROLL for (int x = 0; x < 4; x += kUnits) {
                V8 sum[kUnits][4];
                UNROLL for (int i = 0; i < kUnits; i++) UNROLL for (int plane = 0; plane < 4; plane++)
                    sum[i][plane] =
                        all(p.H2b[64 * third + 4 * (4 * y + x + i) + plane] -
                            lecun89::LECUN89_ISA::sum(
                                border[plane][side_of_unit(y)][side_of_unit(x + i)]));
                for (int seen = 0; seen < 8; seen++) {
                    const float(*H1)[8][8] = d.H1[(4 * third + seen) % 12];
                    for (int ky = first; ky < end; ky++) {
                        const float(*row)[8] = H1[2 * y + ky - 2];
                        UNROLL for (int kx = 0; kx < 5; kx++)
                            UNROLL for (int plane = 0; plane < 4; plane++) {
                                V8 w = all(weights[plane][5 * ky + kx][seen]);
                                UNROLL for (int i = 0; i < kUnits; i++)
                                    if (inside(x + i, kx))
                                        sum[i][plane] += w * load(row[2 * (x + i) + kx - 2]);
                            }
                    }
                }
                UNROLL for (int i = 0; i < kUnits; i++) UNROLL for (int plane = 0; plane < 4; plane++)
                    store(d.H2[64 * third + 4 * (4 * y + x + i) + plane],
                          Activation::value(sum[i][plane]));
            }
        }
    }
}

template <class Activation>
INLINE void layer_H3(const Parameters& p, Digits8& d) {
    for (int j = 0; j < 30; j += 10) {
        V8 sum[10];
        UNROLL for (int n = 0; n < 10; n++) sum[n] = all(p.H3b[j + n]);
        for (int i = 0; i < 192; i++) {
            V8 input = load(d.H2[i]);
            UNROLL for (int n = 0; n < 10; n++) sum[n] += input * all(p.H3w[j + n][i]);
        }
        UNROLL for (int n = 0; n < 10; n++) store(d.H3[j + n], Activation::value(sum[n]));
    }
}

INLINE void layer_out(const Parameters& p, Digits8& d, ActivationKind activation) {
    V8 sum[10];
    UNROLL for (int k = 0; k < 10; k++) sum[k] = all(p.outb[k]);
    for (int j = 0; j < 30; j++) {
        V8 input = load(d.H3[j]);
        UNROLL for (int k = 0; k < 10; k++) sum[k] += input * all(p.outw[j][k]);
    }
    UNROLL for (int k = 0; k < 10; k++) {
        V8 value = sum[k];
        if (activation == ActivationKind::tanh) value = tanh(value);
        if (activation == ActivationKind::scaled_tanh) value = ScaledTanh::value(value);
        store(d.out[k], value);
    }
}

INLINE double loss_of(const Digits8& d, int lane, int label, int guess, const Training& t) {
    const LossKind kind = t.loss;
    double total = 0;
    for (int k = 0; k < 10; k++) {
        double value = d.out[k][lane], target = k == label ? t.target : -t.target;
        total += kind == LossKind::cross_entropy ? std::exp(value - d.out[guess][lane])
                                                 : (value - target) * (value - target) / 10;
    }
    if (kind != LossKind::cross_entropy) return loss_factor(kind) * total;
    return std::log(total) + d.out[guess][lane] - d.out[label][lane];
}

// Calls each(digit, lane, guess) for digits `begin` to before `end`, after the forward pass of the
// eight in `d`.
template <class Activation, class Each>
INLINE void each_digit(const Parameters& p, const Presentation& t, Digits8& d, int64_t begin,
                       int64_t end, Each each) {
    for (int64_t first = begin; first < end; first += 8) {
        int lanes = end - first < 8 ? int(end - first) : 8;
        const float* pixels[8];
        for (int lane = 0; lane < 8; lane++)  // the last digits are fewer: one is repeated
            pixels[lane] = t.images + 256 * (first + (lane < lanes ? lane : 0));
        place(pixels, d);
        layer_H1<Activation>(p, d);
        layer_H2<Activation>(p, d);
        layer_H3<Activation>(p, d);
        layer_out(p, d, t.output_activation);
        for (int lane = 0; lane < lanes; lane++) {
            int guess = 0;
            for (int k = 1; k < 10; k++)
                if (d.out[k][lane] > d.out[guess][lane]) guess = k;
            each(first + lane, lane, guess);
        }
    }
}

template <class Activation>
int64_t evaluate_with(const Parameters& p, const Presentation& t, int64_t begin, int64_t end,
                      double* losses) {
    Digits8 d;
    int64_t misses = 0;
    each_digit<Activation>(p, t, d, begin, end, [&](int64_t digit, int lane, int guess) INLINED {
        losses[digit - begin] = loss_of(d, lane, t.labels[digit], guess, t);
        misses += guess != t.labels[digit];
    });
    return misses;
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
