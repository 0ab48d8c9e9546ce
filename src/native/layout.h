// Where each of the 9,760 parameters lies in `Parameters`.
#pragma once

#include "network.h"

namespace lecun89 {

constexpr int kParameters = 9760;
static_assert(kParameters == (12 * 25 + 12 * 64) + (12 * 8 * 25 + 192) + (192 * 30 + 30) +
                                 (30 * 10 + 10),
              "each_parameter visits as many");

// Unit of H2 in network.h's order, from the paper's: 16 units of each of 12 planes.
inline int H2_unit(int i) {
    int plane = i / 16, unit = i % 16;
    return 64 * (plane / 4) + 4 * unit + plane % 4;
}

// The lane in which a plane of H2 sees its n-th plane of H1. The paper's order is ascending; the
// last third sees planes 0 to 3 in lanes 4 to 7.
inline int H2_lane(int plane, int n) { return plane < 8 ? n : (n + 4) % 8; }

// Calls visit(float&, float* copy) for each parameter, in the order H1w H1b H2w H2b H3w H3b outw
// outb, each in C order; `copy` is its repetition in lanes 12 to 15 of H1, or null.
template <class Visit>
void each_parameter(Parameters& p, Visit visit) {
    auto plane_of_H1 = [&](float* lanes, int plane) {
        visit(lanes[plane], plane < 4 ? lanes + 12 + plane : nullptr);
    };
    float* none = nullptr;
    for (int plane = 0; plane < 12; plane++)
        for (int tap = 0; tap < 25; tap++) plane_of_H1(p.H1w[tap], plane);
    for (int plane = 0; plane < 12; plane++)
        for (int unit = 0; unit < 64; unit++) plane_of_H1(p.H1b[unit], plane);
    for (int plane = 0; plane < 12; plane++)
        for (int n = 0; n < 8; n++)
            for (int tap = 0; tap < 25; tap++) visit(p.H2w[plane][tap][H2_lane(plane, n)], none);
    for (int i = 0; i < 192; i++) visit(p.H2b[H2_unit(i)], none);
    for (int i = 0; i < 192; i++)
        for (int j = 0; j < 30; j++) visit(p.H3w[j][H2_unit(i)], none);
    for (int j = 0; j < 30; j++) visit(p.H3b[j], none);
    for (int j = 0; j < 30; j++)
        for (int k = 0; k < 10; k++) visit(p.outw[j][k], none);
    for (int k = 0; k < 10; k++) visit(p.outb[k], none);
}

}  // namespace lecun89
