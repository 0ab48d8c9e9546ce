// Random distortions of a digit: what lecun89/engines/distortions.py says, for one example.
#pragma once

#include <cmath>
#include <cstring>

#include "random.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

constexpr uint32_t kFirstBlock = 64;  // of Philox's counter; those before are shifts and masks
static_assert(kMaskBlock + 192 / 4 <= kFirstBlock, "masks and distortions must not share draws");

INLINE float symmetric(uint32_t word) { return float(word >> 8) * 0x1p-23f - 1; }
INLINE float symmetric_half(uint32_t half) { return float(half) * 0x1p-15f - 1; }

// The elastic field's displacements in y and x. Its noise lies on the grid, smoothed by columns of
// `t.smoothing` first and by its rows then.
INLINE void draw_field(const Presentation& t, uint32_t example, float (*field)[16][16]) {
    float noise[2][kGrid * kGrid + 3];  // by fours: the last draw may reach three beyond
    for (int i = 0; i < kGrid * kGrid; i += 4) {
        Words words = philox(t.distortion_seed, t.variation, example, kFirstBlock + 2 + uint32_t(i) / 4);
        for (int n = 0; n < 4; n++) {
            noise[0][i + n] = symmetric_half(words.word[n] & 0xFFFF);
            noise[1][i + n] = symmetric_half(words.word[n] >> 16);
        }
    }
    for (int axis = 0; axis < 2; axis++) {
        V8 rows[kGrid][2] = {};
        for (int g = 0; g < kGrid; g++)
            for (int k = 0; k < kGrid; k++)
                for (int half = 0; half < 2; half++)
                    rows[g][half] += all(noise[axis][kGrid * g + k]) * load(t.smoothing[k] + 8 * half);
        for (int y = 0; y < 16; y++) {
            V8 sum[2] = {};
            for (int g = 0; g < kGrid; g++)
                for (int half = 0; half < 2; half++) sum[half] += all(t.smoothing[g][y]) * rows[g][half];
            for (int half = 0; half < 2; half++) store(field[axis][y] + 8 * half, sum[half]);
        }
    }
}

// Writes the digit as [16][16] in [-1, 1].
inline void distort(const Presentation& t, int64_t digit, float* to) {
    const uint32_t example = uint32_t(digit);
    const int size = t.originals ? 28 : 16;
    const int width = size + 3;  // a column before the image and two behind, likewise rows
    float source[(28 + 3) * (28 + 3)];
    std::memset(source, 0, sizeof source);
    for (int y = 0; y < size; y++) {
        float* row = source + width * (y + 1) + 1;
        if (t.originals) {
            const uint8_t* from = t.originals + 784 * digit + 28 * y;
            for (int x = 0; x < 28; x++) row[x] = float(from[x]) * (1 / 127.5f);
        } else {
            const float* from = t.images + 256 * digit + 16 * y;
            for (int x = 0; x < 16; x++) row[x] = from[x] + 1;
        }
    }

    float few[8];
    for (uint32_t block = 0; block < 2; block++) {
        Words words = philox(t.distortion_seed, t.variation, example, kFirstBlock + block);
        for (int i = 0; i < 4; i++) few[4 * block + uint32_t(i)] = symmetric(words.word[i]);
    }
    const float scale = float(size) / 16, centre = float(size - 1) / 2;
    const float angle = few[0] * float(t.angle);
    const float tall = std::exp(few[1] * float(t.scaling)), wide = std::exp(few[2] * float(t.scaling));
    const float slant = few[3] * float(t.shear);
    const float sin = std::sin(angle), cos = std::cos(angle);
    // Rows of the matrix rotation x ((tall, 0), (slant, wide)), on coordinates (y, x).
    const float matrix[2][2] = {{cos * tall - sin * slant, -sin * wide},
                                {sin * tall + cos * slant, cos * wide}};
    const float move[2] = {few[4] * float(t.translation) * scale + centre,
                           few[5] * float(t.translation) * scale + centre};
    const V8 bend = all(std::exp(few[6] * float(t.stroke)));
    const V8 elastic = all(float(t.elastic) * scale);
    float field[2][16][16] = {};
    if (t.elastic > 0) draw_field(t, example, field);

    const V8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int i = 0; i < 16; i++) {
        const float at_y = (float(i) + 0.5f) * scale - 0.5f - centre;
        for (int half = 0; half < 2; half++) {
            const V8 at_x = (lanes + all(float(8 * half) + 0.5f)) * all(scale) - all(0.5f + centre);
            V8 place[2], part[2];
            I8 first[2];
            for (int axis = 0; axis < 2; axis++) {
                V8 p = all(matrix[axis][0] * at_y + move[axis]) + all(matrix[axis][1]) * at_x +
                       load(field[axis][i] + 8 * half) * elastic;
                // From -1 to size, also if p is not a number; 1 added, that a conversion rounds down.
                place[axis] = minimum(maximum(p, all(-1.0f)), all(float(size))) + all(1.0f);
                first[axis] = __builtin_convertvector(place[axis], I8);
                part[axis] = place[axis] - __builtin_convertvector(first[axis], V8);
            }
            alignas(32) float taps[4][8];
            for (int lane = 0; lane < 8; lane++) {
                const float* from = source + width * first[0][lane] + first[1][lane];
                taps[0][lane] = from[0], taps[1][lane] = from[1];
                taps[2][lane] = from[width], taps[3][lane] = from[width + 1];
            }
            V8 upper = load(taps[0]) + part[1] * (load(taps[1]) - load(taps[0]));
            V8 lower = load(taps[2]) + part[1] * (load(taps[3]) - load(taps[2]));
            V8 value = upper + part[0] * (lower - upper);
            // A curve from 0 to 2 through both ends. Without a branch where there is none to draw:
            // GCC 12's vectoriser made wrong code of that for AVX-512.
            value = value * all(2.0f) / (value + bend * (all(2.0f) - value));
            store(to + 16 * i + 8 * half, value - all(1.0f));
        }
    }
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
