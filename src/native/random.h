// Random numbers that are a function of where they are used: Philox4x32-10 (Salmon, Moraes, Dror
// and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). The key is the seed, the counter
// is pass, example and position, so that a resumed run draws the same without keeping a state.
#pragma once

#include <cstdint>

#include "training.h"

namespace lecun89 {

struct Words {
    uint32_t word[4];
};

static inline Words philox(uint64_t seed, uint32_t pass, uint32_t example, uint32_t block) {
    uint32_t c0 = block, c1 = example, c2 = pass, c3 = 0;
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = uint64_t(c0) * 0xD2511F53u, b = uint64_t(c2) * 0xCD9E8D57u;
        c0 = uint32_t(b >> 32) ^ c1 ^ k0;
        c2 = uint32_t(a >> 32) ^ c3 ^ k1;
        c1 = uint32_t(b);
        c3 = uint32_t(a);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

struct Shift {
    int y, x;
};

static inline int uniform(uint32_t word, int reach) {
    return int(uint64_t(word) * uint32_t(2 * reach + 1) >> 32) - reach;
}

static inline Shift draw_shift(const Training& t, uint32_t pass, uint32_t example) {
    if (t.shift == 0) return {0, 0};
    Words words = philox(t.seed, pass, example, 0);
    return {uniform(words.word[0], t.shift), uniform(words.word[1], t.shift)};
}

constexpr uint32_t kMaskBlock = 1;  // of Philox's counter: the first after that of shifts

// Dropout's factors, 0 or 1 / (1 - p), for the 192 units of H2 or the 32 of H3 (two unused).
static inline void draw_mask(const Training& t, uint32_t pass, uint32_t example, float* mask) {
    const int units = t.dropout_after == Layer::H2 ? 192 : 32;
    const uint32_t threshold = uint32_t(t.dropout * 4294967296.0);
    const float kept = float(1 / (1 - t.dropout));
    for (int block = 0; block < units / 4; block++) {
        Words words = philox(t.seed, pass, example, kMaskBlock + uint32_t(block));
        for (int i = 0; i < 4; i++) mask[4 * block + i] = words.word[i] < threshold ? 0 : kept;
    }
}

}  // namespace lecun89
