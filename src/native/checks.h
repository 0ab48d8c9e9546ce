// What a Training's fields and their words are called, and what they may be: without Python, so
// that another binding can share it. A refusal is one line; null says that there is none.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "network.h"
#include "training.h"

namespace lecun89 {

// In the order of the enumerations.
constexpr const char* kActivations[] = {"none", "tanh", "scaled_tanh", "relu", "gelu", "silu"};
constexpr const char* kLosses[] = {"mse", "half_mse", "cross_entropy"};
constexpr const char* kOptimizers[] = {"none", "sgd", "adamw", "sdlm", "sdlm_by_pass"};
constexpr const char* kLayers[] = {"none", "H2", "H3"};

constexpr auto& words_of(ActivationKind) { return kActivations; }
constexpr auto& words_of(LossKind) { return kLosses; }
constexpr auto& words_of(OptimizerKind) { return kOptimizers; }
constexpr auto& words_of(Layer) { return kLayers; }

// Sets `to` to what the word names; false when it names nothing.
template <class Kind>
bool read_word(const char* word, Kind& to) {
    int place = 0;
    for (const char* known : words_of(to)) {
        if (!std::strcmp(word, known)) return to = Kind(place), true;
        place++;
    }
    return false;
}

// Calls visit(name, pointer to member) for each field.
template <class Visit>
void each_field(Visit visit) {
    visit("activation", &Training::activation);
    visit("output_activation", &Training::output_activation);
    visit("loss", &Training::loss);
    visit("target", &Training::target);
    visit("optimizer", &Training::optimizer);
    visit("damping", &Training::damping);
    visit("memory", &Training::memory);
    visit("weight_decay", &Training::weight_decay);
    visit("dropout_after", &Training::dropout_after);
    visit("dropout", &Training::dropout);
    visit("shift", &Training::shift);
    visit("rotation", &Training::rotation);
    visit("scaling", &Training::scaling);
    visit("shear", &Training::shear);
    visit("translation", &Training::translation);
    visit("elastic", &Training::elastic);
    visit("elastic_sigma", &Training::elastic_sigma);
    visit("stroke", &Training::stroke);
    visit("seed", &Training::seed);
    visit("batch_size", &Training::batch_size);
}

inline const char* refusal(const Training& t) {
    const bool sdlm = is_sdlm(t.optimizer), cross_entropy = t.loss == LossKind::cross_entropy;
    if (t.activation == ActivationKind::none) return "activation is not set";
    if (sdlm && !(t.damping > 0 && t.memory > 0 && t.memory <= 1))
        return "damping must be above 0, memory in (0, 1]";
    if (sdlm && (cross_entropy || t.batch_size != 1))
        return "SDLM goes with mse, one example at a time";
    if (!go_together(t.activation, t.loss, t.optimizer))
        return sdlm ? "SDLM knows no gelu or silu" : "adamw goes with cross_entropy";
    if (t.output_activation > ActivationKind::scaled_tanh)
        return "output_activation must be tanh, scaled_tanh or none";
    if (cross_entropy != (t.output_activation == ActivationKind::none))
        return "cross_entropy goes without output_activation, mse with one";
    if (!(t.target > 0 && t.target <= 2)) return "target must be above 0, and at most 2";
    if (cross_entropy && t.target != 1) return "target goes with mse";
    if (!(t.dropout >= 0 && t.dropout < 1)) return "dropout must be in [0, 1)";
    if (t.shift < 0 || t.shift > kBorder) return "shift must be 0, 1 or 2";
    if ((t.dropout > 0) != (t.dropout_after != Layer::none))
        return "dropout and its layer go together";
    for (double strength : {t.rotation, t.scaling, t.shear, t.translation, t.elastic, t.stroke})
        if (!(strength >= 0 && strength <= 180))
            return "strengths of distortions must be in [0, 180]";
    if (t.scaling > 2 || t.stroke > 4) return "scaling or stroke is too strong";
    if (!(t.elastic_sigma > 0.5)) return "elastic_sigma must be above 0.5";
    if (!(t.weight_decay >= 0 && t.weight_decay < 100)) return "weight_decay must be in [0, 100)";
    if (t.batch_size < 1 || t.batch_size > INT32_MAX) return "batch_size must be 1 to 2**31 - 1";
    return nullptr;
}

// A training that is not refused, with what follows from it.
inline Presentation presentation_of(const Training& training) {
    Presentation t;
    static_cast<Training&>(t) = training;
    for (double strength : {t.rotation, t.scaling, t.shear, t.translation, t.elastic, t.stroke})
        t.distorts = t.distorts || strength > 0;
    t.angle = t.rotation / 180 * std::acos(-1.0);
    // Gaussians of this deviation around points 2.5 pixels apart, at the 16 pixels, so scaled that
    // uniform noise from -1 to 1, whose variance is 1/3, makes a field of variance 1.
    for (int x = 0; x < 16; x++) {
        double squares = 0, rows[kGrid];
        for (int k = 0; k < kGrid; k++) {
            double distance = x - (2.5 * k - 2.5);
            rows[k] = std::exp(-distance * distance / (2 * t.elastic_sigma * t.elastic_sigma));
            squares += rows[k] * rows[k];
        }
        for (int k = 0; k < kGrid; k++)
            t.smoothing[k][x] = float(rows[k] / std::sqrt(squares) * std::pow(3, 0.25));
    }
    return t;
}

}  // namespace lecun89
