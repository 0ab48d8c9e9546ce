// The forward pass of one example, layer by layer.
#pragma once

#include "activations.h"
#include "borders.h"
#include "example.h"
#include "network.h"
#include "simd.h"

namespace lecun89::LECUN89_ISA {
namespace {

static_assert(whole_vectors<decltype(Parameters::H1w[0])> &&
                  whole_vectors<decltype(Parameters::H1b[0])> &&
                  whole_vectors<decltype(Parameters::H2w[0][0])> &&
                  whole_vectors<decltype(Parameters::H2b)> &&
                  whole_vectors<decltype(Parameters::H3w[0])> &&
                  whole_vectors<decltype(Parameters::H3b)> &&
                  whole_vectors<decltype(Parameters::outw[0])> &&
                  whole_vectors<decltype(Parameters::outb)>,
              "a layer takes eight weights at a time");
static_assert(4 * 2 + kLanes <= 16, "the last third of H2's planes sees eight lanes of H1");

// In place of a mask where nothing is dropped.
struct Ones {
    float value[192];
    constexpr Ones() : value() {
        for (float& x : value) x = 1;
    }
};
alignas(32) constexpr Ones kOnes;

template <class Activation>
INLINE void forward_H1(const Parameters& p, Example& e) {
    V8 background[2] = {load(p.H1w[0]), load(p.H1w[0] + 8)};
    for (int tap = 1; tap < 25; tap++) {
        background[0] += load(p.H1w[tap]);
        background[1] += load(p.H1w[tap] + 8);
    }
    for (int y = 0; y < 8; y++) {
        Taps rows = e.used.taps(2 * y);
        // Four units at a time: eight sums, so that no addition waits for the one before it.
        for (int x = 0; x < 8; x += 4) {
            V8 sum[4][2];
            UNROLL for (int i = 0; i < 4; i++) UNROLL for (int half = 0; half < 2; half++)
                sum[i][half] = load(p.H1b[8 * y + x + i] + 8 * half) - background[half];
            for (int ky = rows.first; ky < rows.end; ky++) {
                const float* pixels = e.image[2 * y + ky] + 2 * x;
                const float(*weights)[16] = p.H1w + 5 * ky;
                UNROLL for (int kx = 0; kx < 5; kx++) {
                    V8 w0 = load(weights[kx]), w1 = load(weights[kx] + 8);
                    UNROLL for (int i = 0; i < 4; i++) {
                        V8 pixel = all(pixels[2 * i + kx]);
                        sum[i][0] += pixel * w0;
                        sum[i][1] += pixel * w1;
                    }
                }
            }
            UNROLL for (int i = 0; i < 4; i++) UNROLL for (int half = 0; half < 2; half++) {
                Unit unit = Activation::unit(sum[i][half]);
                store(e.H1[8 * y + x + i] + 8 * half, unit.value);
                store(e.H1slope[8 * y + x + i] + 8 * half, unit.slope);
            }
        }
    }
}

template <class Activation>
INLINE void forward_H2(const Parameters& p, Example& e, const float* mask) {
    for (int third = 0; third < 3; third++) {
        const float(*weights)[25][8] = p.H2w + 4 * third;
        V8 border[4][3][3];
        for (int plane = 0; plane < 4; plane++) border_weights(weights[plane], border[plane]);
        for (int y = 0; y < 4; y++) {
            int first = y == 0 ? 2 : 0, end = y == 3 ? 4 : 5;
            // Two units of four planes at a time.
            UNROLL for (int x = 0; x < 4; x += 2) {
                V8 sum[8];
                UNROLL for (int i = 0; i < 8; i++)
                    sum[i] = -border[i & 3][side_of_unit(y)][side_of_unit(x + i / 4)];
                for (int ky = first; ky < end; ky++) {
                    const float* row = e.H1[8 * (2 * y + ky - 2)] + 4 * third;
                    UNROLL for (int kx = 0; kx < 5; kx++)
                        UNROLL for (int plane = 0; plane < 4; plane++) {
                            V8 w = load(weights[plane][5 * ky + kx]);
                            UNROLL for (int i = 0; i < 2; i++)
                                if (inside(x + i, kx))
                                    sum[4 * i + plane] += w * load(row + 16 * (2 * (x + i) + kx - 2));
                        }
                }
                store(e.H2 + 64 * third + 4 * (4 * y + x), sums(sum));
            }
        }
    }
    for (int i = 0; i < 192; i += 8) {
        Unit unit = Activation::unit(load(e.H2 + i) + load(p.H2b + i));
        store(e.H2 + i, unit.value * load(mask + i));
        store(e.H2slope + i, unit.slope * load(mask + i));
    }
}

template <class Activation>
INLINE void forward_H3(const Parameters& p, Example& e, const float* mask) {
    for (int j = 0; j < 32; j += 8) {
        V8 sum[8] = {};
        for (int i = 0; i < 192; i += 8) {
            V8 input = load(e.H2 + i);
            UNROLL for (int n = 0; n < 8; n++) sum[n] += input * load(p.H3w[j + n] + i);
        }
        Unit unit = Activation::unit(sums(sum) + load(p.H3b + j));
        store(e.H3 + j, unit.value * load(mask + j));
        store(e.H3slope + j, unit.slope * load(mask + j));
    }
}

INLINE void forward_out(const Parameters& p, Example& e) {
    V8 sum[4][2] = {};
    for (int j = 0; j < 32; j += 4)
        UNROLL for (int n = 0; n < 4; n++) UNROLL for (int half = 0; half < 2; half++)
            sum[n][half] += all(e.H3[j + n]) * load(p.outw[j + n] + 8 * half);
    UNROLL for (int half = 0; half < 2; half++)
        store(e.out + 8 * half, (sum[0][half] + sum[1][half]) + (sum[2][half] + sum[3][half]) +
                                    load(p.outb + 8 * half));
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
