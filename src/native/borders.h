// H1's border, on which H2's kernels reach out. It is not stored: what its -1 contributes is the
// negated sum of the weights (forward) or of the deltas (backward) that fall on it.
#pragma once

#include "simd.h"

namespace lecun89::LECUN89_ISA {
namespace {

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

}  // namespace
}  // namespace lecun89::LECUN89_ISA
