// What module.cpp calls, compiled once for each instruction set with LECUN89_ISA as its name.
#include "evaluate.h"
#include "network.h"
#include "random.h"
#include "step.h"

namespace lecun89::LECUN89_ISA {
namespace {

template <class Activation, class Loss, class Update>
INLINE void step(Parameters& p, Example& e, const float* H2mask, const float* H3mask, int label,
                 bool tanh_output, Update update) {
    forward_H1<Activation>(p, e);
    forward_H2<Activation>(p, e, H2mask);
    forward_H3<Activation>(p, e, H3mask);
    forward_out(p, e);
    Loss::delta(e, label, tanh_output);
    backward_out(p, e, update);
    backward_H3(p, e, update);
    backward_H2_to_H1(p, e);
    backward_H2(p, e, update);
    backward_H1<Activation>(p, e, update);
}

// Examples `first` to before `last` of a pass; calls update() for that of each.
template <class Activation, class Loss, class MakeUpdate>
INLINE void run(Parameters& weights, const Training& t, uint32_t pass, int64_t first, int64_t last,
                MakeUpdate update) {
    Example e;
    alignas(32) float mask[192] = {};
    const bool H2 = t.dropout_after == Layer::H2, H3 = t.dropout_after == Layer::H3;
    for (int64_t i = first; i < last; i++) {
        Shift shift = draw_shift(t, pass, uint32_t(i));
        place(t.images + 256 * i, shift.y, shift.x, e);
        if (H2 || H3) draw_mask(t, pass, uint32_t(i), mask);
        step<Activation, Loss>(weights, e, H2 ? mask : kOnes.value, H3 ? mask : kOnes.value,
                               t.labels[i], t.tanh_output, update());
    }
}

template <class Activation, class Loss, class Optimizer>
void train_each(Network& network, const Training& t, uint32_t pass, int64_t first, int64_t last,
                double lr) {
    run<Activation, Loss>(network.weights, t, pass, first, last,
                          [&] { return Optimizer(lr, ++network.updates); });
}

template <class Optimizer>
void update_all(Network& network, double lr) {
    Optimizer update(lr, ++network.updates);
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
        run<Activation, Loss>(network.weights, t, pass, begin, begin + size,
                              [] { return Accumulate(); });
        float* gradient = reinterpret_cast<float*>(&network.gradient);
        const V8 share = all(1 / float(size));
        for (std::ptrdiff_t i = 0; i < kFirstMoment; i += 8)
            store(gradient + i, load(gradient + i) * share);
        if (t.optimizer == OptimizerKind::sgd) update_all<Sgd>(network, lr);
        if (t.optimizer == OptimizerKind::adamw) update_all<AdamW>(network, lr);
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
    if (t.loss == LossKind::mse) return with_optimizer<Activation, Mse>(n, t, pass, first, last, lr);
    return with_optimizer<Activation, CrossEntropy>(n, t, pass, first, last, lr);
}

void with_activation(Network& n, const Training& t, uint32_t pass, int64_t first, int64_t last,
                     double lr) {
    if (t.activation == ActivationKind::tanh) return with_loss<Tanh>(n, t, pass, first, last, lr);
    return with_loss<Relu>(n, t, pass, first, last, lr);
}

Score evaluate(const Parameters& p, const Training& t, int64_t first, int64_t last) {
    if (t.activation == ActivationKind::tanh) return evaluate_with<Tanh>(p, t, first, last);
    return evaluate_with<Relu>(p, t, first, last);
}

void tanh_of(const float* from, float* to, int64_t count) {
    for (int64_t i = 0; i < count; i += 8) store(to + i, tanh(load(from + i)));
}

#define STRING(x) #x
#define NAME(x) STRING(x)

}  // namespace

extern const Kernel kernel = {NAME(LECUN89_ISA), with_activation, evaluate, tanh_of};

}  // namespace lecun89::LECUN89_ISA
