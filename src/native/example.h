// Values of one example, and how its digit gets there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "network.h"
#include "simd.h"

namespace lecun89::LECUN89_ISA {
namespace {

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
    Rows used;  // of `image`; last, so that what is above is aligned
};

// place writes a row of 16 pixels rolled by up to the border's width.
static_assert(sizeof(Example::image[0]) / sizeof(float) == kBorder + 16 + kBorder,
              "a digit that is shifted must stay in its row");
static_assert(sizeof(Example::image[0]) / sizeof(float) % 4 == 0,
              "square takes four pixels at a time");
static_assert(whole_vectors<decltype(Example::H1)> && whole_vectors<decltype(Example::H2)> &&
                  whole_vectors<decltype(Example::H3)> && whole_vectors<decltype(Example::out)>,
              "square takes eight values at a time");
static_assert(offsetof(Example, H1) % sizeof(V8) == 0 && offsetof(Example, H2) % sizeof(V8) == 0 &&
                  offsetof(Example, H3) % sizeof(V8) == 0 &&
                  offsetof(Example, out) % sizeof(V8) == 0,
              "a vector across two cache lines takes longer");

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

// Put a digit into the example, rolled by (dy, dx), each at most kBorder.
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

}  // namespace
}  // namespace lecun89::LECUN89_ISA
