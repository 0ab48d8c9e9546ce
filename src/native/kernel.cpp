// What module.cpp calls, compiled once for each instruction set with LECUN89_ISA as its name.
#include "distort.h"
#include "evaluate.h"
#include "network.h"
#include "random.h"
#include "step.h"

namespace lecun89::LECUN89_ISA {
namespace {

template <class Quantity, class Update>
INLINE void backward(Parameters& p, Example& e, Update update) {
    backward_out<Quantity>(p, e, update);
    backward_H3<Quantity>(p, e, update);
    backward_H2_to_H1<Quantity>(p, e);
    backward_H2<Quantity>(p, e, update);
    backward_H1<Quantity>(p, e, update);
}

// Calls each(example) for examples `first` to before `last` of a pass, after the forward pass and
// with the deltas of out.
template <class Activation, class Loss, class Each>
INLINE void forward_each(Parameters& p, const Training& t, uint32_t pass, int64_t first,
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
void train_each(Network& network, const Training& t, uint32_t pass, int64_t first, int64_t last,
                double lr) {
    Parameters& p = network.weights;
    forward_each<Activation, Loss>(p, t, pass, first, last, [&](Example& e) INLINED {
        backward<Gradient>(p, e, Optimizer(t, lr, ++network.updates));
    });
}

template <class Activation>
void train_sdlm(Network& network, const Training& t, uint32_t pass, int64_t first, int64_t last,
                double lr) {
    Parameters& p = network.weights;
    Example squares;
    forward_each<Activation, Mse>(p, t, pass, first, last, [&](Example& e) INLINED {
        if (t.optimizer == OptimizerKind::sdlm) {
            square(e, squares);
            backward<Curvature>(p, squares, Remember(t.memory));
        }
        backward<Gradient>(p, e, Sdlm(t, lr, ++network.updates));
    });
}

// The mean curvature over examples, without shifts and masks.
template <class Activation>
void estimate_with(Network& network, const Training& t, int64_t first, int64_t last) {
    Training plain = t;
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

template <class Optimizer>
void update_all(Network& network, const Training& t, double lr) {
    Optimizer update(t, lr, ++network.updates);
    float* weight = reinterpret_cast<float*>(&network.weights);
    for (std::ptrdiff_t i = 0; i < kFirstMoment; i += 8)
        update(weight + i, load(weight + kGradient + i));
}

template <class Activation, class Loss>
void train_batches(Network& network, const Training& t, uint32_t pass, int64_t first, int64_t last,
                   double lr) {
    for (int64_t step = first; step < last; step++) {
        const int64_t begin = step * t.batch_size, left = t.digits - begin;
        const int64_t size = left < t.batch_size ? left : t.batch_size;
        network.gradient = {};
        forward_each<Activation, Loss>(
            network.weights, t, pass, begin, begin + size, [&](Example& e) INLINED {
                backward<Gradient>(network.weights, e, Accumulate());
            });
        float* gradient = reinterpret_cast<float*>(&network.gradient);
        const V8 share = all(1 / float(size));
        for (std::ptrdiff_t i = 0; i < kFirstMoment; i += 8)
            store(gradient + i, load(gradient + i) * share);
        if (t.optimizer == OptimizerKind::sgd) update_all<Sgd>(network, t, lr);
        if (t.optimizer == OptimizerKind::adamw) update_all<AdamW>(network, t, lr);
    }
}

template <class Activation, class Loss>
void with_optimizer(Network& n, const Training& t, uint32_t pass, int64_t first, int64_t last,
                    double lr) {
    if (t.batch_size > 1 || t.optimizer == OptimizerKind::none)
        return train_batches<Activation, Loss>(n, t, pass, first, last, lr);
    if (t.optimizer == OptimizerKind::sgd)
        return train_each<Activation, Loss, Sgd>(n, t, pass, first, last, lr);
    return train_each<Activation, Loss, AdamW>(n, t, pass, first, last, lr);
}

template <class Activation>
void with_loss(Network& n, const Training& t, uint32_t pass, int64_t first, int64_t last,
               double lr) {
    if (t.optimizer == OptimizerKind::sdlm || t.optimizer == OptimizerKind::sdlm_by_pass)
        return train_sdlm<Activation>(n, t, pass, first, last, lr);
    if (t.loss == LossKind::mse) return with_optimizer<Activation, Mse>(n, t, pass, first, last, lr);
    return with_optimizer<Activation, CrossEntropy>(n, t, pass, first, last, lr);
}

void train(Network& n, const Training& t, uint32_t pass, int64_t first, int64_t last, double lr) {
    switch (t.activation) {
        case ActivationKind::scaled_tanh: return with_loss<ScaledTanh>(n, t, pass, first, last, lr);
        case ActivationKind::relu: return with_loss<Relu>(n, t, pass, first, last, lr);
        case ActivationKind::gelu: return with_loss<Gelu>(n, t, pass, first, last, lr);
        case ActivationKind::silu: return with_loss<Silu>(n, t, pass, first, last, lr);
        default: return with_loss<Tanh>(n, t, pass, first, last, lr);
    }
}

void estimate(Network& n, const Training& t, int64_t first, int64_t last) {
    switch (t.activation) {
        case ActivationKind::scaled_tanh: return estimate_with<ScaledTanh>(n, t, first, last);
        case ActivationKind::relu: return estimate_with<Relu>(n, t, first, last);
        case ActivationKind::gelu: return estimate_with<Gelu>(n, t, first, last);
        case ActivationKind::silu: return estimate_with<Silu>(n, t, first, last);
        default: return estimate_with<Tanh>(n, t, first, last);
    }
}

Score evaluate(const Parameters& p, const Training& t, int64_t first, int64_t last) {
    switch (t.activation) {
        case ActivationKind::scaled_tanh: return evaluate_with<ScaledTanh>(p, t, first, last);
        case ActivationKind::relu: return evaluate_with<Relu>(p, t, first, last);
        case ActivationKind::gelu: return evaluate_with<Gelu>(p, t, first, last);
        case ActivationKind::silu: return evaluate_with<Silu>(p, t, first, last);
        default: return evaluate_with<Tanh>(p, t, first, last);
    }
}

void distort_each(const Training& t, int64_t first, int64_t last, float* to) {
    for (int64_t i = first; i < last; i++) distort(t, i, to + 256 * (i - first));
}

void tanh_of(const float* from, float* to, int64_t count) {
    for (int64_t i = 0; i < count; i += 8) store(to + i, tanh(load(from + i)));
}

#define STRING(x) #x
#define NAME(x) STRING(x)

}  // namespace

extern const Kernel kernel = {NAME(LECUN89_ISA), train, estimate, evaluate, distort_each, tanh_of};

}  // namespace lecun89::LECUN89_ISA
