// Steps of batches, on as many threads as there are.
//
// A batch is cut into parts by its size alone. Each part's gradients are added up by one thread,
// digit by digit; parts are added up in pairs, pairs of pairs and so on. So the bits are the same at
// every number of threads. What a thread can add up of its own parts it does at once; for the rest,
// and for the update, each has its share of the weights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backward.h"
#include "network.h"
#include "optimizers.h"
#include "simd.h"
#include "steps.h"
#include "threads.h"
#include "training.h"

namespace lecun89::LECUN89_ISA {
namespace {

// The thread, of so many, that has a part.
INLINE int owner(int part, int parts, int threads) { return part * threads / parts; }

INLINE float* sum_of(Network& network, int part) {
    return reinterpret_cast<float*>(&network.gradients->parts[part]);
}

// Adds up the gradients of this thread's parts.
template <class Activation, class Loss>
void add_up_own(Network& network, const Presentation& t, uint32_t pass, int64_t begin, int64_t size,
                const Crew& crew) {
    const int parts = parts_of(size);
    for (int part = 0; part < parts; part++) {
        if (owner(part, parts, crew.size) != crew.rank) continue;
        network.gradients->parts[part] = {};
        const Accumulate accumulate(sum_of(network, part) -
                                    reinterpret_cast<float*>(&network.weights));
        forward_each<Activation, Loss>(
            network.weights, t, pass, begin + size * part / parts, begin + size * (part + 1) / parts,
            [&](Example& e) INLINED { backward<Gradient>(network.weights, e, accumulate); });
        for (int half = 1; part & half; half *= 2) {
            const int first = part + 1 - 2 * half;
            if (owner(first, parts, crew.size) != crew.rank) break;
            float *sum = sum_of(network, first), *more = sum_of(network, first + half);
            for (std::ptrdiff_t i = 0; i < kFirstMoment; i += kLanes)
                store(sum + i, load(sum + i) + load(more + i));
        }
    }
}

// The mean gradient of `first` to before `last` of the weights, from the sums of all threads. It has
// memory of its own: what two threads write in turn has to travel each time.
INLINE void add_up_others(Network& network, int64_t size, int threads, std::ptrdiff_t first,
                          std::ptrdiff_t last) {
    const int parts = parts_of(size);
    struct {
        int to, from;
    } pairs[kMostParts];
    int count = 0;
    for (int half = 1; half < parts; half *= 2)
        for (int part = 0; part < parts; part += 2 * half)
            if (owner(part, parts, threads) != owner(part + 2 * half - 1, parts, threads))
                pairs[count++] = {part, part + half};
    const float* sums = sum_of(network, 0);
    float* mean = reinterpret_cast<float*>(&network.gradients->mean);
    const V8 share = all(1 / float(size));
    for (std::ptrdiff_t i = first; i < last; i += kLanes) {
        V8 sum[kMostParts];
        sum[0] = load(sums + i);
        for (int n = 0; n < count; n++) {
            sum[pairs[n].to] = load(sums + pairs[n].to * kFirstMoment + i);
            sum[pairs[n].from] = load(sums + pairs[n].from * kFirstMoment + i);
        }
        for (int n = 0; n < count; n++) sum[pairs[n].to] += sum[pairs[n].from];
        store(mean + i, sum[0] * share);
    }
}

template <class Activation, class Loss, class Optimizer>
void train_batches(Network& network, const Presentation& t, uint32_t pass, int64_t first,
                   int64_t last, double lr, const Crew& crew) {
    // The share of the weights that this thread changes.
    static_assert(kFirstMoment % kLine == 0, "threads share the weights by cache lines");
    const std::ptrdiff_t lines = kFirstMoment / kLine;
    const std::ptrdiff_t low = lines * crew.rank / crew.size * kLine;
    const std::ptrdiff_t high = lines * (crew.rank + 1) / crew.size * kLine;
    float* weights = reinterpret_cast<float*>(&network.weights);
    const float* mean = reinterpret_cast<const float*>(&network.gradients->mean);
    int64_t updates = network.updates;
    for (int64_t step = first; step < last; step++) {
        const int64_t begin = step * t.batch_size, left = t.digits - begin;
        const int64_t size = left < t.batch_size ? left : t.batch_size;
        add_up_own<Activation, Loss>(network, t, pass, begin, size, crew);
        crew.wait();
        add_up_others(network, size, crew.size, low, high);
        if constexpr (Optimizer::kind != OptimizerKind::none) {
            const Optimizer update(t, lr, ++updates);
            for (std::ptrdiff_t i = low; i < high; i += kLanes) update(weights + i, load(mean + i));
        }
        crew.wait();
    }
    if (crew.rank == 0 && first < last) network.updates = updates;
}

}  // namespace
}  // namespace lecun89::LECUN89_ISA
