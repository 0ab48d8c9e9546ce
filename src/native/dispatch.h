// From a training's activation, loss and optimizer to the types that stand for them.
#pragma once

#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "simd.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

template <class T>
struct Type {
    using type = T;
};

// Calls visit(before..., Type) with the one of the types whose kind this is.
template <class... Types, class Kind, class Visit, class... Before>
INLINE void choose(Kind kind, Visit visit, Before... before) {
    (void)((kind == Types::kind && (visit(before..., Type<Types>()), true)) || ...);
}

// Calls visit(Type of activation, Type of loss, Type of optimizer). Code is made for combinations
// that go together alone; checks.h refuses the others when a network is made.
template <class Visit>
INLINE void dispatch(const Training& t, Visit visit) {
    const LossKind loss = t.loss == LossKind::half_mse ? LossKind::mse : t.loss;
    const OptimizerKind optimizer = is_sdlm(t.optimizer) ? OptimizerKind::sdlm : t.optimizer;
    auto third = [&](auto a, auto l, auto o) INLINED {
        if constexpr (go_together(decltype(a)::type::kind, decltype(l)::type::kind,
                                  decltype(o)::type::kind))
            visit(a, l, o);
    };
    auto second = [&](auto a, auto l) INLINED {
        choose<Sgd, AdamW, Sdlm, NoOptimizer>(optimizer, third, a, l);
    };
    auto first = [&](auto a) INLINED { choose<Mse, CrossEntropy>(loss, second, a); };
    choose<Tanh, ScaledTanh, Relu, Gelu, Silu>(t.activation, first);
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
