// The Python module lecun89._native: checks what comes from Python, then lets a kernel run on it
// without the interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "checks.h"
#include "kernel.h"
#include "layout.h"
#include "network.h"
#include "random.h"
#include "threads.h"
#include "training.h"

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
    BoundNetwork(const Training& training, const std::string& instruction_set)
        : kernel_(find_kernel(instruction_set)),
          network_(new Network()),
          gradients_(new Gradients()) {
        if (const char* refused = refusal(training)) throw std::invalid_argument(refused);
        training_ = presentation_of(training);
        network_->gradients = gradients_.get();
    }

    void train(const Digits& digits, uint32_t pass, int64_t first, int64_t last, double lr) {
        const int64_t size = training_.batch_size;
        check_range((int64_t(digits.labels.size()) + size - 1) / size, first, last, "the pass");
        if (!(std::isfinite(lr) && lr > 0)) throw std::invalid_argument("lr must be above 0");
        nb::gil_scoped_release release;
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        use_presented(digits);
        together(std::min(threads_, parts_of(size)), [&](const Crew& crew) {
            kernel_.train(*network_, training_, pass, first, last, lr, crew);
        });
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
        {
            nb::gil_scoped_release release;
            std::lock_guard<std::mutex> guard(mutex_);
            use(digits);
            share(first, last, [&](int64_t begin, int64_t end) {
                kernel_.distort(training_, begin, end, images.data() + 256 * (begin - first));
            });
        }
        return to_numpy(std::move(images), {size_t(last - first), 16, 16});
    }

    // The sum of the losses, and the misses, of digits `first` to before `last`.
    std::pair<double, int64_t> evaluate(const Digits& digits, int64_t first, int64_t last) {
        check_range(int64_t(digits.labels.size()), first, last, "the digits");
        nb::gil_scoped_release release;
        std::lock_guard<std::mutex> guard(mutex_);
        use(digits);
        std::vector<double> losses(size_t(last - first));
        std::atomic<int64_t> misses{0};
        share(first, last, [&](int64_t begin, int64_t end) {
            misses += kernel_.evaluate(network_->weights, training_, begin, end,
                                       losses.data() + (begin - first));
        });
        return {std::accumulate(losses.begin(), losses.end(), 0.0), misses};
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

    int threads() {
        std::lock_guard<std::mutex> guard(mutex_);
        return threads_;
    }

    void set_threads(int threads) {
        if (threads < 1 || threads > kMostThreads)
            throw std::invalid_argument("threads must be 1 to " + std::to_string(kMostThreads));
        std::lock_guard<std::mutex> guard(mutex_);
        threads_ = threads;
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
    static constexpr int kMostThreads = 1024;

    // Calls each(begin, end) for pieces of `first` to `last`, in all threads.
    template <class Each>
    void share(int64_t first, int64_t last, Each each) const {
        constexpr int64_t kPiece = 64;  // digits: 0.1 ms
        std::atomic<int64_t> next{first};
        const int64_t pieces = (last - first + kPiece - 1) / kPiece;
        together(int(std::min<int64_t>(threads_, pieces)), [&](const Crew&) {
            for (int64_t begin; (begin = next.fetch_add(kPiece)) < last;)
                each(begin, std::min(begin + kPiece, last));
        });
    }

    static void check_range(int64_t count, int64_t first, int64_t last, const char* what) {
        if (!(0 <= first && first <= last && last <= count))
            throw std::invalid_argument(std::string("first and last must lie within ") + what);
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

    Parameters& block(const std::string& which) {
        if (which == "weights") return network_->weights;
        if (which == "first_moment") return network_->first_moment;
        if (which == "second_moment") return network_->second_moment;
        if (which == "gradient") return gradients_->mean;
        throw std::invalid_argument("block '" + which + "' is not known");
    }

    const Kernel& kernel_;
    Presentation training_;
    std::unique_ptr<Network> network_;
    std::unique_ptr<Gradients> gradients_;
    int threads_ = 1;
    std::vector<int32_t> order_;
    std::vector<float> targets_;
    std::mutex mutex_;
};

// Each field as a property; none of a choice is None.
void bind_training(nb::module_& m) {
    nb::class_<Training> bound(m, "Training");
    bound.def(nb::init<>());
    nb::list names;
    each_field([&](const char* name, auto field) {
        names.append(name);
        using Value = std::decay_t<decltype(std::declval<Training>().*field)>;
        if constexpr (std::is_enum_v<Value>)
            bound.def_prop_rw(
                name,
                [field](const Training& training) -> std::optional<std::string> {
                    const std::string word = words_of(Value())[int(training.*field)];
                    return word == "none" ? std::nullopt : std::optional(word);
                },
                [field, name](Training& training, const std::optional<std::string>& given) {
                    const std::string word = given.value_or("none");
                    if (!read_word(word.c_str(), training.*field))
                        throw std::invalid_argument(name + (" '" + word) + "' is not known");
                },
                nb::for_setter(nb::arg("word").none()));
        else
            bound.def_rw(name, field);
    });
    bound.attr("fields") = nb::tuple(names);
}

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
    m.def("parts_of", parts_of, "digits"_a);
    m.def("philox", philox_words, "seed"_a, "pass_number"_a, "example"_a, "block"_a);
    nb::class_<Digits>(m, "Digits")
        .def(nb::init<Array, const Array&, std::optional<Array>>(), "images"_a, "labels"_a,
             "originals"_a = nb::none());
    bind_training(m);
    nb::class_<BoundNetwork>(m, "Network")
        .def(nb::init<const Training&, const std::string&>(), "training"_a, nb::kw_only(),
             "instruction_set"_a)
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
        .def_prop_rw("threads", &BoundNetwork::threads, &BoundNetwork::set_threads)
        .def_prop_rw("updates", &BoundNetwork::updates, &BoundNetwork::set_updates);
}
