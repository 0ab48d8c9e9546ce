// The backward pass of one example, layer by layer, with the update of each weight.
#pragma once

#include <cstring>

#include "borders.h"
#include "example.h"
#include "network.h"
#include "simd.h"

namespace lecun89::LECUN89_ISA {
namespace {

// The passes through the weights are written out for these shapes.
static_assert(sizeof(Parameters::H2w[0]) == 25 * kLanes * sizeof(float) &&
                  sizeof(Parameters::H1w) == 25 * 2 * kLanes * sizeof(float),
              "a tap of H2 is one vector, of H1 two");

// What goes back through the network: the gradient, or the diagonal of the curvature as Gauss and
// Newton approximate it, without what units of a layer have to do with each other. The second is
// the first with every weight, value and slope squared; what is -1 around an image becomes 1.
struct Gradient {
    static INLINE V8 weight(const float* from) { return load(from); }
    static INLINE V8 around(V8 sum) { return -sum; }
    static INLINE float around(float sum) { return -sum; }
};

struct Curvature {
    static INLINE V8 weight(const float* from) { return load(from) * load(from); }
    static INLINE V8 around(V8 sum) { return sum; }
    static INLINE float around(float sum) { return sum; }
};

template <class Quantity, class Update>
INLINE void backward_out(Parameters& p, Example& e, Update update) {
    V8 delta[2] = {load(e.outdelta), load(e.outdelta + 8)};
    for (int j = 0; j < 32; j += 8) {
        V8 sum[8];
        UNROLL for (int n = 0; n < 8; n++)
            sum[n] = Quantity::weight(p.outw[j + n]) * delta[0] +
                     Quantity::weight(p.outw[j + n] + 8) * delta[1];
        store(e.H3delta + j, sums(sum) * load(e.H3slope + j));
        UNROLL for (int n = 0; n < 8; n++) UNROLL for (int half = 0; half < 2; half++)
            update(p.outw[j + n] + 8 * half, all(e.H3[j + n]) * delta[half]);
    }
    UNROLL for (int half = 0; half < 2; half++) update(p.outb + 8 * half, delta[half]);
}

template <class Quantity, class Update>
INLINE void backward_H3(Parameters& p, Example& e, Update update) {
    static_assert(192 % 48 == 0 && 48 == 6 * kLanes, "blocks cover H2 exactly");
    // 48 of H2's units at a time: their values and sums take twelve registers.
    for (int block = 0; block < 192; block += 48) {
        V8 input[6], sum[6] = {};
        UNROLL for (int i = 0; i < 6; i++) input[i] = load(e.H2 + block + 8 * i);
        for (int j = 0; j < 30; j++) {
            V8 delta = all(e.H3delta[j]);
            UNROLL for (int i = 0; i < 6; i++) {
                float* weight = p.H3w[j] + block + 8 * i;
                sum[i] += Quantity::weight(weight) * delta;
                update(weight, input[i] * delta);
            }
        }
        UNROLL for (int i = 0; i < 6; i++) {
            int unit = block + 8 * i;
            store(e.H2delta + unit, sum[i] * load(e.H2slope + unit));
        }
    }
    for (int j = 0; j < 32; j += 8) update(p.H3b + j, load(e.H3delta + j));
}

// What H2's deltas mean for H1, before H2's weights change.
template <class Quantity>
INLINE void backward_H2_to_H1(const Parameters& p, Example& e) {
    std::memset(e.H1delta, 0, sizeof e.H1delta);
    for (int third = 0; third < 3; third++)
        for (int row = 0; row < 8; row++) {
            V8 sum[8] = {};  // of a row's eight units
            for (int ky = row & 1; ky < 5; ky += 2) {
                int y = (row + 2 - ky) / 2;
                if (y < 0 || y > 3) continue;
                for (int plane = 0; plane < 4; plane++) {
                    const float(*weights)[8] = p.H2w[4 * third + plane] + 5 * ky;
                    const float* deltas = e.H2delta + 64 * third + 16 * y + plane;
                    UNROLL for (int x = 0; x < 4; x++) {
                        V8 delta = all(deltas[4 * x]);
                        UNROLL for (int kx = 0; kx < 5; kx++)
                            if (inside(x, kx)) sum[2 * x + kx - 2] += delta * Quantity::weight(weights[kx]);
                    }
                }
            }
            UNROLL for (int x = 0; x < 8; x++) {
                float* to = e.H1delta[8 * row + x] + 4 * third;
                store(to, load(to) + sum[x]);
            }
        }
}

template <class Quantity, class Update>
INLINE void backward_H2(Parameters& p, Example& e, Update update) {
    for (int third = 0; third < 3; third++)
        // Two planes and a row of five taps at a time: ten sums.
        for (int plane = 0; plane < 4; plane += 2) {
            const float* deltas = e.H2delta + 64 * third + plane;
            float border[2][3][3];
            UNROLL for (int n = 0; n < 2; n++) border_deltas(deltas + n, 4, border[n]);
            for (int ky = 0; ky < 5; ky++) {
                V8 sum[2][5];
                UNROLL for (int n = 0; n < 2; n++) UNROLL for (int kx = 0; kx < 5; kx++)
                    sum[n][kx] = all(Quantity::around(border[n][side_of_tap(ky)][side_of_tap(kx)]));
                for (int y = ky < 2; y < (ky == 4 ? 3 : 4); y++) {
                    const float* row = e.H1[8 * (2 * y + ky - 2)] + 4 * third;
                    UNROLL for (int x = 0; x < 4; x++) {
                        V8 d0 = all(deltas[4 * (4 * y + x)]), d1 = all(deltas[4 * (4 * y + x) + 1]);
                        UNROLL for (int kx = 0; kx < 5; kx++) if (inside(x, kx)) {
                            V8 input = load(row + 16 * (2 * x + kx - 2));
                            sum[0][kx] += d0 * input;
                            sum[1][kx] += d1 * input;
                        }
                    }
                }
                UNROLL for (int n = 0; n < 2; n++) UNROLL for (int kx = 0; kx < 5; kx++)
                    update(p.H2w[4 * third + plane + n][5 * ky + kx], sum[n][kx]);
            }
        }
    for (int i = 0; i < 192; i += 8) update(p.H2b + i, load(e.H2delta + i));
}

template <class Quantity, class Update>
INLINE void backward_H1(Parameters& p, Example& e, Update update) {
    V8 background[2] = {};
    for (int unit = 0; unit < 64; unit++) {
        V8 low = load(e.H1delta[unit]), high = load(e.H1delta[unit] + 8);
        // Planes 0 to 3 have two shares; both places get their sum, and stay alike.
        low += shuffle<4, 5, 6, 7, 8, 8, 8, 8>(high, all(0.0f));
        high = shuffle<8, 9, 10, 11, 0, 1, 2, 3>(low, high);
        low = product(low, load(e.H1slope[unit]));
        high = product(high, load(e.H1slope[unit] + 8));
        store(e.H1delta[unit], low);
        store(e.H1delta[unit] + 8, high);
        background[0] += Quantity::around(low);
        background[1] += Quantity::around(high);
        update(p.H1b[unit], low);
        update(p.H1b[unit] + 8, high);
    }
    for (int ky = 0; ky < 5; ky++) {
        V8 sum[5][2];
        UNROLL for (int kx = 0; kx < 5; kx++) UNROLL for (int half = 0; half < 2; half++)
            sum[kx][half] = background[half];
        int first = (e.used.first - ky + 1) / 2, last = (e.used.last - ky) / 2;
        if (first < 0) first = 0;
        if (last > 7) last = 7;
        for (int y = first; y <= last; y++)
            for (int x = 0; x < 8; x++) {
                const float* pixels = e.image[2 * y + ky] + 2 * x;
                V8 low = load(e.H1delta[8 * y + x]), high = load(e.H1delta[8 * y + x] + 8);
                UNROLL for (int kx = 0; kx < 5; kx++) {
                    V8 pixel = all(pixels[kx]);
                    sum[kx][0] += pixel * low;
                    sum[kx][1] += pixel * high;
                }
            }
        UNROLL for (int kx = 0; kx < 5; kx++) UNROLL for (int half = 0; half < 2; half++)
            update(p.H1w[5 * ky + kx] + 8 * half, sum[kx][half]);
    }
}

template <class Quantity, class Update>
INLINE void backward(Parameters& p, Example& e, Update update) {
    backward_out<Quantity>(p, e, update);
    backward_H3<Quantity>(p, e, update);
    backward_H2_to_H1<Quantity>(p, e);
    backward_H2<Quantity>(p, e, update);
    backward_H1<Quantity>(p, e, update);
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
