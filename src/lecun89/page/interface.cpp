// The kernel (src/native) for a page: plain functions that kernel.js calls. Built by build.py.
//
// A model is what a variant computes and its weights. Whoever calls keeps arrays in this module's
// memory, where `allocate` gives room, and passes what is right: kernel.js checks.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <random>
#include <type_traits>

#include "activations.h"
#include "checks.h"
#include "dispatch.h"
#include "evaluate.h"
#include "layout.h"
#include "losses.h"
#include "network.h"
#include "optimizers.h"
#include "steps.h"
#include "training.h"

#define EXPORT(name) __attribute__((export_name(#name))) extern "C"

namespace lecun89::LECUN89_ISA {
namespace {

struct Score {
    double loss;  // sum over the digits
    int64_t misses;
};

struct Model {
    Network network = {};
    Training training;
    Presentation presentation;
};

// What the variants of the page train with: the module holds code for nothing else.
template <class A, class L, class O>
struct Steps {
    static bool are_of(const Training& t) {
        const LossKind loss = t.loss == LossKind::half_mse ? LossKind::mse : t.loss;
        return t.activation == A::kind && loss == L::kind && t.optimizer == O::kind;
    }
    static constexpr auto train = train_each<A, L, O>;
};

// Calls visit(Steps) with the ones of a training; false when there are none.
template <class Visit>
bool with_steps(const Training& t, Visit visit) {
    auto one = [&](auto steps) { return decltype(steps)::are_of(t) && (visit(steps), true); };
    return one(Steps<Tanh, Mse, Sgd>()) || one(Steps<Relu, Mse, Sgd>()) ||
           one(Steps<Tanh, CrossEntropy, Sgd>()) || one(Steps<Tanh, CrossEntropy, AdamW>()) ||
           one(Steps<Relu, CrossEntropy, AdamW>()) || one(Steps<Tanh, Mse, Sdlm>()) ||
           one(Steps<ScaledTanh, Mse, Sdlm>());
}

// The forward pass of digits in eights; each(digit, lane, guess) as each_digit calls it.
template <class Each>
INLINE void look(const Model& model, const Presentation& t, Digits8& d, Each each) {
    choose<Tanh, ScaledTanh, Relu, Gelu, Silu>(t.activation, [&](auto A) INLINED {
        each_digit<typename decltype(A)::type>(model.network.weights, t, d, 0, t.digits, each);
    });
}

Presentation presenting(const Model& model, const float* images, const uint8_t* labels,
                        int32_t digits) {
    Presentation t = model.presentation;
    t.images = images, t.labels = labels, t.digits = digits;
    return t;
}

float margin_of(const Digits8& d, int lane, int guess) {
    float second = -INFINITY;
    for (int k = 0; k < 10; k++)
        if (k != guess && d.out[k][lane] > second) second = d.out[k][lane];
    return d.out[guess][lane] - second;
}

// Writes the predictions and margins of each digit where there is room for them. A first digit's
// layers stay in `d`.
Score evaluate(const Model& model, const Presentation& t, Digits8& d, uint8_t* predictions,
               float* margins) {
    Score score = {0, 0};
    look(model, t, d, [&](int64_t digit, int lane, int guess) INLINED {
        score.loss += loss_of(d, lane, t.labels[digit], guess, t);
        score.misses += guess != t.labels[digit];
        predictions[digit] = uint8_t(guess);
        margins[digit] = margin_of(d, lane, guess);
    });
    return score;
}

}  // namespace

EXPORT(allocate) void* allocate(uint32_t bytes) {
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
}

EXPORT(release) void release(void* memory) { std::free(memory); }

EXPORT(make_model) Model* make_model() {
    void* memory = allocate(sizeof(Model));
    return memory ? new (memory) Model() : nullptr;
}

// The name of a field of Training; null beyond the last.
EXPORT(field_name) const char* field_name(int32_t place) {
    const char* found = nullptr;
    each_field([&](const char* name, auto) {
        if (place-- == 0) found = name;
    });
    return found;
}

// Set a field, by its place: a choice by its word, any other by its number. False when the word
// means nothing.
EXPORT(set_field) bool set_field(Model* model, int32_t place, const char* word, double number) {
    bool known = true;
    each_field([&](const char*, auto field) {
        if (place-- != 0) return;
        auto& value = model->training.*field;
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_enum_v<Value>)
            known = read_word(word, value);
        else
            value = Value(number);
    });
    return known;
}

// Why the fields do not go together; null when they do. No model is used before.
EXPORT(refuse) const char* refuse(Model* model) {
    if (const char* refused = refusal(model->training)) return refused;
    model->presentation = presentation_of(model->training);
    return nullptr;
}

EXPORT(can_train) bool can_train(const Model* model) {
    const Presentation& t = model->presentation;
    return t.batch_size == 1 && !t.distorts && with_steps(t, [](auto) {});
}

EXPORT(set_weights) void set_weights(Model* model, const float* from) {
    model->network = {};
    each_parameter(model->network.weights, [&](float& value, float* copy) {
        value = *from++;
        if (copy) *copy = value;
    });
}

EXPORT(get_weights) void get_weights(Model* model, float* to) {
    each_parameter(model->network.weights, [&](float& value, float*) { *to++ = value; });
}

// The weights of lecun89/network/initialization.py for a seed.
EXPORT(draw_weights) void draw_weights(Model* model, uint32_t seed, bool by_root, float output_bias) {
    struct Layer {
        int weights, biases;
        double fan_in;
        float bias;
    };
    const Layer layers[] = {{12 * 25, 12 * 64, 25, 0},
                            {12 * 8 * 25, 192, 200, 0},
                            {192 * 30, 30, 192, 0},
                            {30 * 10, 10, 30, output_bias}};
    std::mt19937 random(seed);
    float values[kParameters], *to = values;
    for (const Layer& layer : layers) {
        const float divisor = float(by_root ? std::sqrt(layer.fan_in) : layer.fan_in);
        for (int i = 0; i < layer.weights; i++)
            *to++ = (float(random() & 0xFFFFFF) * 0x1p-24f - 0.5f) * 2 * 2.4f / divisor;
        for (int i = 0; i < layer.biases; i++) *to++ = layer.bias;
    }
    set_weights(model, values);
}

// Steps `first` to before `last` of a pass, counted from 1.
EXPORT(train) void train(Model* model, const float* images, const uint8_t* labels, int32_t digits,
                         int32_t pass, int32_t first, int32_t last, double lr) {
    const Presentation t = presenting(*model, images, labels, digits);
    with_steps(t, [&](auto steps) {
        decltype(steps)::train(model->network, t, uint32_t(pass), first, last, lr);
    });
}

EXPORT(is_finite) bool is_finite(Model* model) {
    bool finite = true;
    each_parameter(model->network.weights,
                   [&](float& value, float*) { finite = finite && std::isfinite(value); });
    return finite;
}

// The misses; `loss` gets the mean.
EXPORT(evaluate) int32_t evaluate_digits(const Model* model, const float* images,
                                         const uint8_t* labels, int32_t digits,
                                         uint8_t* predictions, float* margins, double* loss) {
    Digits8 d;
    Score score = evaluate(*model, presenting(*model, images, labels, digits), d, predictions, margins);
    *loss = score.loss / digits;
    return int32_t(score.misses);
}

// What a digit makes of the layers, in the paper's order: H1 [12][64], H2 [12][16], H3 [30], out [10].
EXPORT(layers) void layers(const Model* model, const float* image, float* to) {
    Digits8 d;
    const uint8_t label = 0;
    uint8_t prediction;
    float margin;
    evaluate(*model, presenting(*model, image, &label, 1), d, &prediction, &margin);
    for (int i = 0; i < 12 * 64; i++) *to++ = d.H1[i / 64][i / 8 % 8][i % 8][0];
    for (int i = 0; i < 192; i++) *to++ = d.H2[H2_unit(i)][0];
    for (int i = 0; i < 30; i++) *to++ = d.H3[i][0];
    for (int i = 0; i < 10; i++) *to++ = d.out[i][0];
}

// The n-th of the eight planes of H1, ascending, that a plane of H2 sees.
EXPORT(plane_seen) int32_t plane_seen(int32_t plane, int32_t n) {
    return (4 * (plane / 4) + H2_lane(plane, n)) % 12;
}

}  // namespace lecun89::LECUN89_ISA
