// What module.cpp calls, compiled once for each instruction set with LECUN89_ISA as its name.
//
// The order of the sums is the same for every instruction set: where it has a fused multiply-add,
// the weights come out the same to the last bit.
#include "kernel.h"

#include "batches.h"
#include "dispatch.h"
#include "distort.h"
#include "evaluate.h"
#include "network.h"
#include "simd.h"
#include "steps.h"

namespace lecun89::LECUN89_ISA {
namespace {

template <class A, class L, class O>
INLINE void train_with(Type<A>, Type<L>, Type<O>, Network& n, const Presentation& t, uint32_t pass,
                       int64_t first, int64_t last, double lr, const Crew& crew) {
    constexpr bool none = O::kind == OptimizerKind::none, sdlm = O::kind == OptimizerKind::sdlm;
    if constexpr (!sdlm)
        if (none || t.batch_size > 1)
            return train_batches<A, L, O>(n, t, pass, first, last, lr, crew);
    if constexpr (!none) return train_each<A, L, O>(n, t, pass, first, last, lr);
}

void train(Network& n, const Presentation& t, uint32_t pass, int64_t first, int64_t last,
           double lr, const Crew& crew) {
    dispatch(t, [&](auto A, auto L, auto O) INLINED {
        train_with(A, L, O, n, t, pass, first, last, lr, crew);
    });
}

void estimate(Network& n, const Presentation& t, int64_t first, int64_t last) {
    dispatch(t, [&](auto A, auto, auto O) INLINED {
        if constexpr (decltype(O)::type::kind == OptimizerKind::sdlm)
            estimate_with<typename decltype(A)::type>(n, t, first, last);
    });
}

int64_t evaluate(const Parameters& p, const Presentation& t, int64_t first, int64_t last,
                 double* losses) {
    int64_t misses = 0;
    dispatch(t, [&](auto A, auto, auto) INLINED {
        misses = evaluate_with<typename decltype(A)::type>(p, t, first, last, losses);
    });
    return misses;
}

void distort_each(const Presentation& t, int64_t first, int64_t last, float* to) {
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
