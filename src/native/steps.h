// Steps of one example: its forward and backward pass, and the update of the weights.
//
// Activation, loss and optimizer are template parameters of a step's parts, and the parts are
// inlined into one function for each combination.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backward.h"
#include "distort.h"
#include "example.h"
#include "forward.h"
#include "losses.h"
#include "network.h"
#include "optimizers.h"
#include "random.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

// Calls each(example) for examples `first` to before `last` of a pass, after the forward pass and
// with the deltas of out.
template <class Activation, class Loss, class Each>
INLINE void forward_each(Parameters& p, const Presentation& t, uint32_t pass, int64_t first,
                         int64_t last, Each each) {
    Example e;
    alignas(32) float mask[192] = {}, distorted[256];
    const bool H2 = t.dropout_after == Layer::H2, H3 = t.dropout_after == Layer::H3;
    for (int64_t place_in_pass = first; place_in_pass < last; place_in_pass++) {
        const int64_t i = t.order ? t.order[place_in_pass] : place_in_pass;
        Shift shift = draw_shift(t, pass, uint32_t(i));
        if (t.distorts) distort(t, i, distorted);
        place(t.distorts ? distorted : t.images + 256 * i, shift.y, shift.x, e);
        if (H2 || H3) draw_mask(t, pass, uint32_t(i), mask);
        forward_H1<Activation>(p, e);
        forward_H2<Activation>(p, e, H2 ? mask : kOnes.value);
        forward_H3<Activation>(p, e, H3 ? mask : kOnes.value);
        forward_out(p, e);
        Loss::delta(e, i, t);
        each(e);
    }
}

template <class Activation, class Loss, class Optimizer>
void train_each(Network& network, const Presentation& t, uint32_t pass, int64_t first, int64_t last,
                double lr) {
    Parameters& p = network.weights;
    Example squares;
    forward_each<Activation, Loss>(p, t, pass, first, last, [&](Example& e) INLINED {
        if constexpr (Optimizer::kind == OptimizerKind::sdlm)
            if (t.optimizer == OptimizerKind::sdlm) {
                square(e, squares);
                backward<Curvature>(p, squares, Remember(t.memory));
            }
        backward<Gradient>(p, e, Optimizer(t, lr, ++network.updates));
    });
}

// The mean curvature over examples, without shifts and masks.
template <class Activation>
void estimate_with(Network& network, const Presentation& t, int64_t first, int64_t last) {
    Presentation plain = t;
    plain.shift = 0;
    plain.dropout_after = Layer::none;
    plain.distorts = false;
    plain.order = nullptr;
    Parameters& p = network.weights;
    Example squares;
    int64_t seen = 0;
    network.first_moment = {};
    forward_each<Activation, Mse>(p, plain, 0, first, last, [&](Example& e) INLINED {
        square(e, squares);
        backward<Curvature>(p, squares, Remember(1.0 / double(++seen)));
    });
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
