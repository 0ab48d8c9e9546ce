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

template <class Activation, class Loss, class Optimizer>
void train(Network& network, const Training& t, uint32_t pass, int64_t first, int64_t last,
           double lr) {
    Example e;
    alignas(32) float mask[192] = {};
    const bool H2 = t.dropout_after == Layer::H2, H3 = t.dropout_after == Layer::H3;
    for (int64_t i = first; i < last; i++) {
        Shift shift = draw_shift(t, pass, uint32_t(i));
        place(t.images + 256 * i, shift.y, shift.x, e);
        if (H2 || H3) draw_mask(t, pass, uint32_t(i), mask);
        step<Activation, Loss>(network.weights, e, H2 ? mask : kOnes.value,
                               H3 ? mask : kOnes.value, t.labels[i], t.tanh_output,
                               Optimizer(lr, ++network.updates));
    }
}

template <class Activation, class Loss>
void with_optimizer(Network& n, const Training& t, uint32_t pass, int64_t first, int64_t last,
                    double lr) {
    switch (t.optimizer) {
        case OptimizerKind::sgd: return train<Activation, Loss, Sgd>(n, t, pass, first, last, lr);
        case OptimizerKind::adamw: return train<Activation, Loss, AdamW>(n, t, pass, first, last, lr);
        case OptimizerKind::none:
            return train<Activation, Loss, KeepGradient>(n, t, pass, first, last, lr);
    }
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
