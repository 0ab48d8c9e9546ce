// The Python module lecun89._native: checks what comes from Python, then lets a kernel run on it
// without the interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "layout.h"
#include "network.h"
#include "random.h"

namespace nb = nanobind;

namespace lecun89 {

#if defined(__x86_64__)
namespace avx512 { extern const Kernel kernel; }
namespace avx2 { extern const Kernel kernel; }
namespace sse2 { extern const Kernel kernel; }
#else
namespace neon { extern const Kernel kernel; }
#endif

namespace {

using Array = nb::ndarray<nb::ro>;

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

// The instruction sets of this processor, best first.
std::vector<const Kernel*> usable_kernels() {
    std::vector<const Kernel*> kernels;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        kernels.push_back(&avx512::kernel);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        kernels.push_back(&avx2::kernel);
    kernels.push_back(&sse2::kernel);
#else
    kernels.push_back(&neon::kernel);
#endif
    return kernels;
}

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Kernel* kernel : usable_kernels()) names.emplace_back(kernel->name);
    return names;
}

const Kernel& find_kernel(const std::string& name) {
    for (const Kernel* kernel : usable_kernels())
        if (name == kernel->name) return *kernel;
    throw std::invalid_argument("instruction set '" + name + "' is not to be had here");
}

template <class Value>
Value named(const char* what, const std::string& name,
            std::initializer_list<std::pair<const char*, Value>> values) {
    for (const auto& [known, value] : values)
        if (name == known) return value;
    throw std::invalid_argument(std::string(what) + " '" + name + "' is not known");
}

// The array's numbers, when it has this type and shape; -1 stands for any length.
template <class Type>
const Type* checked(const Array& array, const char* name, const char* type,
                    std::initializer_list<int64_t> shape) {
    bool right = array.dtype() == nb::dtype<Type>() && array.ndim() == shape.size() &&
                 array.device_type() == nb::device::cpu::value;
    std::string sizes;
    size_t axis = 0;
    for (int64_t size : shape) {
        sizes += (axis ? ", " : "") + (size < 0 ? std::string("n") : std::to_string(size));
        right = right && (size < 0 || int64_t(array.shape(axis)) == size);
        axis++;
    }
    int64_t stride = 1;
    for (size_t i = array.ndim(); right && i-- > 0; stride *= int64_t(array.shape(i)))
        right = array.shape(i) == 1 || array.stride(i) == stride;
    if (!right)
        throw std::invalid_argument(std::string(name) + " must be " + type + " (" + sizes +
                                    "), C-contiguous, on the CPU");
    return static_cast<const Type*>(array.data());
}

void check_finite(const float* values, size_t count, const char* name) {
    float zeros = 0;  // not a number as soon as one of them is not finite
    for (size_t i = 0; i < count; i++) zeros += values[i] * 0.0f;
    if (zeros != 0) throw std::invalid_argument(std::string(name) + " holds values that are not finite");
}

template <class Type>
auto to_numpy(std::vector<Type> values, std::initializer_list<size_t> shape) {
    auto* kept = new std::vector<Type>(std::move(values));
    nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<Type>*>(p); });
    return nb::ndarray<nb::numpy, Type>(kept->data(), shape, owner);
}

// Images are used where they lie; labels, which choose what memory is touched, are copied.
struct Digits {
    Array owner;
    std::optional<Array> owner_of_originals;
    const float* images;
    const uint8_t* originals = nullptr;
    std::vector<uint8_t> labels;

    Digits(Array images_array, const Array& labels_array, std::optional<Array> originals_array)
        : owner(std::move(images_array)),
          owner_of_originals(std::move(originals_array)),
          images(checked<float>(owner, "images", "float32", {-1, 16, 16})) {
        const int64_t count = int64_t(owner.shape(0));
        if (owner_of_originals)
            originals = checked<uint8_t>(*owner_of_originals, "originals", "uint8", {count, 28, 28});
        const auto* given = checked<uint8_t>(labels_array, "labels", "uint8", {count});
        if (count == 0 || count > INT32_MAX) throw std::invalid_argument("no digits, or too many");
        nb::gil_scoped_release release;
        labels.assign(given, given + count);
        for (uint8_t label : labels)
            if (label > 9) throw std::invalid_argument("labels must be 0 to 9");
        check_finite(images, size_t(count) * 256, "images");
    }
};

class BoundNetwork {
  public:
    BoundNetwork(const std::string& instruction_set, const std::string& activation,
                 const std::string& output_activation, const std::string& loss, double loss_factor,
                 const std::string& optimizer, double damping, double memory,
                 const std::string& dropout_after, double dropout, int shift, double rotation,
                 double scaling, double shear, double translation, double elastic,
                 double elastic_sigma, double stroke, double weight_decay, uint64_t seed, int64_t batch_size)
        : kernel_(find_kernel(instruction_set)), network_(new Network()) {
        training_.activation = named<ActivationKind>(
            "activation", activation,
            {{"tanh", ActivationKind::tanh},
             {"scaled_tanh", ActivationKind::scaled_tanh},
             {"relu", ActivationKind::relu},
             {"gelu", ActivationKind::gelu},
             {"silu", ActivationKind::silu}});
        training_.output_activation = named<ActivationKind>(
            "activation of out", output_activation,
            {{"", ActivationKind::none},
             {"tanh", ActivationKind::tanh},
             {"scaled_tanh", ActivationKind::scaled_tanh}});
        training_.loss = named<LossKind>(
            "loss", loss, {{"mse", LossKind::mse}, {"cross_entropy", LossKind::cross_entropy}});
        training_.optimizer = named<OptimizerKind>("optimizer", optimizer,
                                                   {{"sgd", OptimizerKind::sgd},
                                                    {"adamw", OptimizerKind::adamw},
                                                    {"sdlm", OptimizerKind::sdlm},
                                                    {"sdlm_by_pass", OptimizerKind::sdlm_by_pass},
                                                    {"none", OptimizerKind::none}});
        training_.dropout_after = named<Layer>(
            "layer", dropout_after, {{"", Layer::none}, {"H2", Layer::H2}, {"H3", Layer::H3}});
        if (!(loss_factor > 0 && loss_factor <= 1))
            throw std::invalid_argument("loss_factor must be in (0, 1]");
        if (sdlm() && !(damping > 0 && memory > 0 && memory <= 1))
            throw std::invalid_argument("damping must be above 0, memory in (0, 1]");
        if (sdlm() && (training_.loss != LossKind::mse || batch_size != 1))
            throw std::invalid_argument("SDLM goes with mse, one example at a time");
        training_.loss_factor = loss_factor;
        training_.damping = damping;
        training_.memory = memory;
        if (!(dropout >= 0 && dropout < 1)) throw std::invalid_argument("dropout must be in [0, 1)");
        if (shift < 0 || shift > 2) throw std::invalid_argument("shift must be 0, 1 or 2");
        if ((dropout > 0) != (training_.dropout_after != Layer::none))
            throw std::invalid_argument("dropout and its layer go together");
        training_.dropout = dropout;
        training_.shift = shift;
        training_.distortion = {rotation / 180 * std::acos(-1.0), scaling, shear, translation, elastic,
                                stroke};
        for (double strength : {rotation, scaling, shear, translation, elastic, stroke}) {
            if (!(strength >= 0 && strength <= 180))
                throw std::invalid_argument("strengths of distortions must be in [0, 180]");
            training_.distorts = training_.distorts || strength > 0;
        }
        if (scaling > 2 || stroke > 4) throw std::invalid_argument("scaling or stroke is too strong");
        if (!(elastic_sigma > 0.5)) throw std::invalid_argument("elastic_sigma must be above 0.5");
        set_smoothing(elastic_sigma);
        if (!(weight_decay >= 0 && weight_decay < 100))
            throw std::invalid_argument("weight_decay must be in [0, 100)");
        training_.weight_decay = weight_decay;
        training_.seed = seed;
        if (batch_size < 1 || batch_size > INT32_MAX)
            throw std::invalid_argument("batch_size must be 1 to 2**31 - 1");
        training_.batch_size = batch_size;
    }

    void train(const Digits& digits, uint32_t pass, int64_t first, int64_t last, double lr) {
        const int64_t size = training_.batch_size;
        check_range((int64_t(digits.labels.size()) + size - 1) / size, first, last, "the pass");
        if (!(std::isfinite(lr) && lr > 0)) throw std::invalid_argument("lr must be above 0");
        nb::gil_scoped_release release;
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        use_presented(digits);
        kernel_.train(*network_, training_, pass, first, last, lr);
    }

    // What the next steps take: distortions by this seed and variation, digits in this order, and
    // these targets in place of labels.
    void present(uint64_t seed, uint32_t variation, const std::optional<Array>& order,
                 const std::optional<Array>& targets) {
        const int32_t* places = order ? checked<int32_t>(*order, "order", "int32", {-1}) : nullptr;
        const float* rows = targets ? checked<float>(*targets, "targets", "float32", {-1, 10}) : nullptr;
        if (rows && training_.loss != LossKind::cross_entropy)
            throw std::invalid_argument("targets go with cross_entropy");
        std::lock_guard<std::mutex> guard(mutex_);
        training_.distortion_seed = seed;
        training_.variation = variation;
        order_.assign(places, places ? places + order->shape(0) : places);
        targets_.assign(rows, rows ? rows + targets->size() : rows);
        const int64_t count = int64_t(order_.size());
        for (int32_t place : order_)
            if (place < 0 || place >= count) {
                order_.clear();
                throw std::invalid_argument("order must hold places of digits");
            }
    }

    // The mean curvature of digits `first` to before `last`, for sdlm_by_pass.
    void estimate(const Digits& digits, int64_t first, int64_t last) {
        check_range(int64_t(digits.labels.size()), first, last, "the digits");
        if (training_.optimizer != OptimizerKind::sdlm_by_pass)
            throw std::invalid_argument("only sdlm_by_pass estimates its curvature apart");
        nb::gil_scoped_release release;
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        kernel_.estimate(*network_, training_, first, last);
    }

    // Images (n, 16, 16) of digits `first` to before `last` as the next steps distort them.
    auto distort(const Digits& digits, int64_t first, int64_t last) {
        check_range(int64_t(digits.labels.size()), first, last, "the digits");
        std::vector<float> images(size_t(last - first) * 256);
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        kernel_.distort(training_, first, last, images.data());
        return to_numpy(std::move(images), {size_t(last - first), 16, 16});
    }

    // The sum of the losses, and the misses, of digits `first` to before `last`.
    std::pair<double, int64_t> evaluate(const Digits& digits, int64_t first, int64_t last) {
        check_range(int64_t(digits.labels.size()), first, last, "the digits");
        nb::gil_scoped_release release;
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        Score score = kernel_.evaluate(network_->weights, training_, first, last);
        return {score.loss, score.misses};
    }

    auto get(const std::string& which) {
        std::lock_guard<std::mutex> guard(mutex_);
        std::vector<float> values;
        each_parameter(block(which), [&](float& value, float*) { values.push_back(value); });
        return to_numpy(std::move(values), {kParameters});
    }

    void set(const std::string& which, const Array& array) {
        const float* from = checked<float>(array, "parameters", "float32", {kParameters});
        check_finite(from, kParameters, "parameters");
        std::lock_guard<std::mutex> guard(mutex_);
        block(which) = {};  // what no parameter lies in is zero
        each_parameter(block(which), [&](float& value, float* copy) {
            value = *from++;
            if (copy) *copy = value;
        });
    }

    bool is_finite() {
        std::lock_guard<std::mutex> guard(mutex_);
        bool finite = true;
        each_parameter(network_->weights,
                       [&](float& value, float*) { finite = finite && std::isfinite(value); });
        return finite;
    }

    int64_t updates() {
        std::lock_guard<std::mutex> guard(mutex_);
        return network_->updates;
    }

    void set_updates(int64_t updates) {
        if (updates < 0 || updates > int64_t(1) << 53)
            throw std::invalid_argument("updates must be 0 to 2**53");
        std::lock_guard<std::mutex> guard(mutex_);
        network_->updates = updates;
    }

    // Shifts (n, 2) and dropout factors (n, 192), (n, 30) or (n, 0), in the paper's order.
    auto draws(uint32_t pass, uint32_t first, uint32_t last) const {
        if (first > last) throw std::invalid_argument("first must not be above last");
        const Layer layer = training_.dropout_after;
        const size_t units = layer == Layer::H2 ? 192 : layer == Layer::H3 ? 30 : 0;
        std::vector<int32_t> shifts;
        std::vector<float> masks;
        for (uint32_t example = first; example < last; example++) {
            Shift shift = draw_shift(training_, pass, example);
            shifts.insert(shifts.end(), {shift.y, shift.x});
            float mask[192];
            if (units) draw_mask(training_, pass, example, mask);
            for (size_t i = 0; i < units; i++)
                masks.push_back(mask[layer == Layer::H2 ? H2_unit(int(i)) : int(i)]);
        }
        return std::make_pair(to_numpy(std::move(shifts), {last - first, 2}),
                              to_numpy(std::move(masks), {last - first, units}));
    }

  private:
    static void check_range(int64_t count, int64_t first, int64_t last, const char* what) {
        if (!(0 <= first && first <= last && last <= count))
            throw std::invalid_argument(std::string("first and last must lie within ") + what);
    }

    bool sdlm() const {
        return training_.optimizer == OptimizerKind::sdlm ||
               training_.optimizer == OptimizerKind::sdlm_by_pass;
    }

    void use(const Digits& digits) {
        training_.images = digits.images;
        training_.labels = digits.labels.data();
        training_.digits = int64_t(digits.labels.size());
        training_.originals = digits.originals;
        training_.order = nullptr;
        training_.targets = nullptr;
    }

    void use_presented(const Digits& digits) {
        const size_t count = digits.labels.size();
        if ((!order_.empty() && order_.size() != count) ||
            (!targets_.empty() && targets_.size() != 10 * count))
            throw std::invalid_argument("order and targets must be as many as the digits");
        if (!order_.empty()) training_.order = order_.data();
        if (!targets_.empty()) training_.targets = targets_.data();
    }

    // Gaussians of this deviation around points 2.5 pixels apart, at the 16 pixels, so scaled that
    // uniform noise from -1 to 1, whose variance is 1/3, makes a field of variance 1.
    void set_smoothing(double sigma) {
        for (int x = 0; x < 16; x++) {
            double squares = 0, rows[kGrid];
            for (int k = 0; k < kGrid; k++) {
                double distance = x - (2.5 * k - 2.5);
                rows[k] = std::exp(-distance * distance / (2 * sigma * sigma));
                squares += rows[k] * rows[k];
            }
            for (int k = 0; k < kGrid; k++)
                training_.smoothing[k][x] = float(rows[k] / std::sqrt(squares) * std::pow(3, 0.25));
        }
    }

    Parameters& block(const std::string& which) {
        return *named<Parameters*>("block", which,
                                   {{"weights", &network_->weights},
                                    {"first_moment", &network_->first_moment},
                                    {"second_moment", &network_->second_moment},
                                    {"gradient", &network_->gradient}});
    }

    const Kernel& kernel_;
    Training training_ = {};
    std::unique_ptr<Network> network_;
    std::vector<int32_t> order_;
    std::vector<float> targets_;
    std::mutex mutex_;
};

auto tanh_of(const std::string& instruction_set, const Array& array) {
    const float* from = checked<float>(array, "values", "float32", {-1});
    std::vector<float> values(from, from + array.shape(0));
    const size_t count = values.size();
    values.resize((count + 7) / 8 * 8);
    find_kernel(instruction_set).tanh(values.data(), values.data(), int64_t(values.size()));
    values.resize(count);
    return to_numpy(std::move(values), {count});
}

auto philox_words(uint64_t seed, uint32_t pass, uint32_t example, uint32_t block) {
    Words words = philox(seed, pass, example, block);
    return std::make_tuple(words.word[0], words.word[1], words.word[2], words.word[3]);
}

}  // namespace
}  // namespace lecun89

NB_MODULE(_native, m) {
    using namespace lecun89;
    using namespace nb::literals;
    m.attr("compiler") = kCompiler;
    m.def("instruction_sets", instruction_sets);
    m.def("tanh", tanh_of, "instruction_set"_a, "values"_a);
    m.def("philox", philox_words, "seed"_a, "pass_number"_a, "example"_a, "block"_a);
    nb::class_<Digits>(m, "Digits")
        .def(nb::init<Array, const Array&, std::optional<Array>>(), "images"_a, "labels"_a,
             "originals"_a = nb::none());
    nb::class_<BoundNetwork>(m, "Network")
        .def(nb::init<const std::string&, const std::string&, const std::string&,
                      const std::string&, double, const std::string&, double, double,
                      const std::string&, double, int, double, double, double, double, double,
                      double, double, double, uint64_t, int64_t>(),
             nb::kw_only(), "instruction_set"_a, "activation"_a, "output_activation"_a, "loss"_a,
             "loss_factor"_a, "optimizer"_a, "damping"_a, "memory"_a, "dropout_after"_a,
             "dropout"_a, "shift"_a, "rotation"_a, "scaling"_a, "shear"_a, "translation"_a,
             "elastic"_a, "elastic_sigma"_a, "stroke"_a, "weight_decay"_a, "seed"_a, "batch_size"_a)
        .def("train", &BoundNetwork::train, "digits"_a, "pass_number"_a, "first"_a, "last"_a,
             "lr"_a)
        .def("present", &BoundNetwork::present, "seed"_a, "variation"_a,
             "order"_a.none(), "targets"_a.none())
        .def("distort", &BoundNetwork::distort, "digits"_a, "first"_a, "last"_a)
        .def("estimate", &BoundNetwork::estimate, "digits"_a, "first"_a, "last"_a)
        .def("evaluate", &BoundNetwork::evaluate, "digits"_a, "first"_a, "last"_a)
        .def("get", &BoundNetwork::get, "block"_a)
        .def("set", &BoundNetwork::set, "block"_a, "values"_a)
        .def("is_finite", &BoundNetwork::is_finite)
        .def("draws", &BoundNetwork::draws, "pass_number"_a, "first"_a, "last"_a)
        .def_prop_rw("updates", &BoundNetwork::updates, &BoundNetwork::set_updates);
}
