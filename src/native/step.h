// The parts of one step: forward, backward and update of the 1989 network for one example.
//
// Activation, loss and optimizer are template parameters of the parts, and the parts are inlined
// into one function for each combination. The order of the sums is the same for every instruction
// set: where it has a fused multiply-add, the weights come out the same to the last bit.
#pragma once

#include <cmath>

#include "network.h"
#include "simd.h"

namespace lecun89::LECUN89_ISA {
namespace {

// A unit's value, and its slope there.
struct Unit {
    V8 value, slope;
};

struct Tanh {
    static INLINE V8 value(V8 z) { return tanh(z); }
    static INLINE V8 slope(V8 value) { return all(1.0f) - value * value; }
    static INLINE Unit unit(V8 z) {
        V8 v = value(z);
        return {v, slope(v)};
    }
};

// LeCun et al. 1989's squashing function: 1.7159 tanh(2/3 z).
struct ScaledTanh {
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
    static INLINE V8 value(V8 z) { return maximum(all(0.0f), z); }
    static INLINE Unit unit(V8 z) {
        V8 v = value(z);
        return {v, v > all(0.0f) ? all(1.0f) : all(0.0f)};
    }
};

// Hendrycks and Gimpel 2016, as approximated there by tanh.
struct Gelu {
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
    static INLINE V8 value(V8 z) { return unit(z).value; }
    static INLINE Unit unit(V8 z) {
        V8 share = all(0.5f) + all(0.5f) * tanh(z * all(0.5f));
        return {z * share, share + z * share * (all(1.0f) - share)};
    }
};

constexpr std::ptrdiff_t kFirstMoment = sizeof(Parameters) / sizeof(float);
constexpr std::ptrdiff_t kSecondMoment = 2 * kFirstMoment;
constexpr std::ptrdiff_t kGradient = 3 * kFirstMoment;

// Optimizers take eight neighbouring weights and their gradient. Each weight is touched once a
// step, while it is in a register for the backward pass anyway.
struct Sgd {
    V8 lr;
    Sgd(const Training&, double lr, int64_t) : lr(all(float(lr))) {}
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight, load(weight) - lr * gradient);
    }
};

// torch.optim.AdamW (Loshchilov and Hutter 2019) with PyTorch's default constants but
// for the decay.
struct AdamW {
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
// has a rate of its own, by the curvature that lies where AdamW has its first moment.
struct Sdlm {
    V8 lr, damping;
    Sdlm(const Training& t, double lr, int64_t) : lr(all(float(lr))), damping(all(float(t.damping))) {}
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight, load(weight) - lr * gradient / (damping + load(weight + kFirstMoment)));
    }
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
    INLINE void operator()(float* weight, V8 gradient) const {
        store(weight + kGradient, load(weight + kGradient) + gradient);
    }
};

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

struct Ones {
    float value[192];
    constexpr Ones() : value() {
        for (float& x : value) x = 1;
    }
};
alignas(32) constexpr Ones kOnes;

struct Taps {
    int first, end;
};

// The rows of a padded image outside of which all is background.
struct Rows {
    int first = 20, last = -1;
    INLINE void add(int row, bool used) {
        if (used) first = row < first ? row : first, last = row > last ? row : last;
    }
    // The rows of taps that meet them when the kernel's first row lies on row `top`.
    INLINE Taps taps(int top) const {
        int begin = first - top, end = last - top + 1;
        return {begin < 0 ? 0 : begin, end > 5 ? 5 : end};
    }
};

INLINE bool any(V8 x) {
    uint64_t parts[4];
    std::memcpy(parts, &x, sizeof x);
    return (parts[0] | parts[1] | parts[2] | parts[3]) != 0;
}

// Values of one example, laid out as network.h draws them.
struct alignas(64) Example {
    float image[20][20] = {};  // 1 added, so that the border is 0
    Rows used;                 // of `image`
    float H1[64][16];
    float H1slope[64][16];
    float H1delta[64][16];
    float H2[192];
    float H2slope[192];
    float H2delta[192];
    float H3[32];
    float H3slope[32];
    float H3delta[32];
    float out[16];
    float outslope[16];
    float outdelta[16];
};

// The squares that go back in place of values, for the curvature.
INLINE void square(const Example& e, Example& squares) {
    for (int row = e.used.first; row <= e.used.last; row++)
        for (int i = 0; i < 20; i += 4) {  // of the value, which is 1 less, with 1 taken off again
            float* to = squares.image[row] + i;
            const float* from = e.image[row] + i;
            UNROLL for (int n = 0; n < 4; n++) to[n] = from[n] * (from[n] - 2);
        }
    squares.used = e.used;
    auto each = [](const float* from, float* to, int count) {
        for (int i = 0; i < count; i += 8) store(to + i, load(from + i) * load(from + i));
    };
    each(e.H1[0], squares.H1[0], 64 * 16);
    each(e.H1slope[0], squares.H1slope[0], 64 * 16);
    each(e.H2, squares.H2, 192);
    each(e.H2slope, squares.H2slope, 192);
    each(e.H3, squares.H3, 32);
    each(e.H3slope, squares.H3slope, 32);
    each(e.outslope, squares.outdelta, 16);
}

// Put a digit into the example, rolled by (dy, dx), each at most 2.
INLINE void place(const float* pixels, int dy, int dx, Example& e) {
    e.used = {};
    for (int y = 0; y < 16; y++) {
        const float* from = pixels + 16 * y;
        V8 left = load(from) + all(1.0f), right = load(from + 8) + all(1.0f);
        int row = ((y + dy) & 15) + 2;
        float* to = e.image[row] + 2;
        store(to + dx, left);
        store(to + dx + 8, right);
        for (int i = 0; i < dx; i++) to[i] = from[16 - dx + i] + 1, to[16 + i] = 0;
        for (int i = -1; i >= dx; i--) to[16 + i] = from[i - dx] + 1, to[i] = 0;
        V8 bits = (V8)((I8)left | (I8)right);
        e.used.add(row, any(bits));
    }
}

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

// H2's kernel on unit x meets columns 2x - 2 to 2x + 2 of H1; those outside of 0 to 7 are the
// border, which is -1. Rows likewise. Which taps fall on the border depends on whether the unit is
// the first, one of the middle, or the last: side 0, 1 or 2. Likewise, which units have a tap on
// the border depends on whether the tap is 0 or 1, 2 or 3, or 4.
INLINE constexpr bool inside(int x, int kx) { return 2 * x + kx >= 2 && 2 * x + kx < 10; }
INLINE constexpr int side_of_unit(int x) { return x == 0 ? 0 : x == 3 ? 2 : 1; }
INLINE constexpr int side_of_tap(int kx) { return kx / 2; }

// For a plane's weights [5][5], the sum of those on the border, by the unit's sides in y and x.
INLINE void border_weights(const float (*w)[8], V8 (*border)[3]) {
    V8 left[3] = {}, right[3] = {}, whole[3] = {};  // of rows 0 and 1, 2 and 3, 4
    UNROLL for (int ky = 0; ky < 5; ky++) {
        const float(*row)[8] = w + 5 * ky;
        V8 first = load(row[0]) + load(row[1]), last = load(row[4]);
        left[ky / 2] += first;
        right[ky / 2] += last;
        whole[ky / 2] += first + last + (load(row[2]) + load(row[3]));
    }
    UNROLL for (int x = 0; x < 3; x++) {
        V8 none = {};
        const V8 column[3] = {x == 0 ? left[0] : x == 2 ? right[0] : none,
                              x == 0 ? left[1] : x == 2 ? right[1] : none,
                              x == 0 ? left[2] : x == 2 ? right[2] : none};
        border[0][x] = whole[0] + column[1] + column[2];
        border[1][x] = column[0] + column[1] + column[2];
        border[2][x] = column[0] + column[1] + whole[2];
    }
}

// For a plane's deltas [4][4], `stride` apart, the sum of those whose tap is on the border, by the
// tap's sides in y and x.
INLINE void border_deltas(const float* d, int stride, float (*border)[3]) {
    UNROLL for (int x = 0; x < 3; x++) {
        float column[4], row[4];
        UNROLL for (int y = 0; y < 4; y++) {
            const float* r = d + 4 * stride * y;
            column[y] = x == 0 ? r[0] : x == 2 ? r[3 * stride] : 0;
            row[y] = (r[0] + r[stride]) + (r[2 * stride] + r[3 * stride]);
        }
        border[0][x] = row[0] + (column[1] + (column[2] + column[3]));
        border[1][x] = (column[0] + column[1]) + (column[2] + column[3]);
        border[2][x] = row[3] + (column[0] + (column[1] + column[2]));
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
        low *= load(e.H1slope[unit]);
        high *= load(e.H1slope[unit] + 8);
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

constexpr V8 kUsed[2] = {{1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 0, 0, 0, 0, 0, 0}};

struct Mse {
    static INLINE void delta(Example& e, int64_t digit, const Training& t) {
        const int label = t.labels[digit];
        const bool sdlm = t.optimizer == OptimizerKind::sdlm ||
                          t.optimizer == OptimizerKind::sdlm_by_pass;
        // SDLM's constants belong to 1/2 of the sum over outputs, the loss is a mean.
        const V8 factor = all(sdlm ? 1.0f : 0.2f * float(t.loss_factor));
        UNROLL for (int half = 0; half < 2; half++) {
            alignas(32) float targets[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
            if (label / 8 == half) targets[label % 8] = 1;
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
    static INLINE void delta(Example& e, int64_t digit, const Training& t) {
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
