// Eight floats at a time, in the vector extensions of GCC and Clang: the compiler turns them into
// what the instruction set of this translation unit has (one register of AVX, two of SSE, NEON or
// WebAssembly).
//
// Everything is inlined and lives in a namespace of its own for each instruction set, so that the
// linker can never take the copy made for one instruction set for another.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#define INLINE inline __attribute__((always_inline))

#define INLINED __attribute__((always_inline))  // of a lambda

// Before a loop of few, constant turns: its arrays of vectors become registers.
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

namespace lecun89::LECUN89_ISA {

typedef float V8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));

constexpr int kLanes = sizeof(V8) / sizeof(float);
static_assert(kLanes == 8 && sizeof(I8) == sizeof(V8), "eight floats, and as many integers");

// Whether an array, or a row of one, is read and written by whole vectors and no float besides.
template <class Row>
constexpr bool whole_vectors = sizeof(Row) % sizeof(V8) == 0;

INLINE V8 load(const float* from) {
    V8 value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float* to, V8 value) { std::memcpy(to, &value, sizeof value); }

INLINE V8 all(float x) { return V8{x, x, x, x, x, x, x, x}; }

// minimum and maximum give what is not a number when b is not. They are instructions, because the
// compilers make three of a comparison and a choice.
#if defined(__AVX__)
INLINE V8 minimum(V8 a, V8 b) { return (V8)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE V8 maximum(V8 a, V8 b) { return (V8)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V8 square_root(V8 a) { return (V8)_mm256_sqrt_ps((__m256)a); }
#else
#if defined(__SSE2__)
typedef __m128 V4;
INLINE V4 minimum(V4 a, V4 b) { return _mm_min_ps(a, b); }
INLINE V4 maximum(V4 a, V4 b) { return _mm_max_ps(a, b); }
INLINE V4 square_root(V4 a) { return _mm_sqrt_ps(a); }
#elif defined(__ARM_NEON)
typedef float32x4_t V4;
INLINE V4 minimum(V4 a, V4 b) { return vminq_f32(a, b); }
INLINE V4 maximum(V4 a, V4 b) { return vmaxq_f32(a, b); }
INLINE V4 square_root(V4 a) { return vsqrtq_f32(a); }
#elif defined(__wasm_simd128__)
typedef v128_t V4;
// These give their first operand where they cannot tell, SSE's the second.
INLINE V4 minimum(V4 a, V4 b) { return wasm_f32x4_pmin(b, a); }
INLINE V4 maximum(V4 a, V4 b) { return wasm_f32x4_pmax(b, a); }
INLINE V4 square_root(V4 a) { return wasm_f32x4_sqrt(a); }
#endif
struct Halves {
    V4 low, high;
};
template <class To, class From>
INLINE To as(From from) {
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}
template <class Operation>
INLINE V8 by_halves(Operation operation, V8 a, V8 b) {
    Halves x = as<Halves>(a), y = as<Halves>(b);
    return as<V8>(Halves{operation(x.low, y.low), operation(x.high, y.high)});
}
INLINE V8 minimum(V8 a, V8 b) {
    return by_halves([](V4 x, V4 y) { return minimum(x, y); }, a, b);
}
INLINE V8 maximum(V8 a, V8 b) {
    return by_halves([](V4 x, V4 y) { return maximum(x, y); }, a, b);
}
INLINE V8 square_root(V8 a) {
    return by_halves([](V4 x, V4) { return square_root(x); }, a, a);
}
#endif

// The lanes named by I: 0 to 7 of a, 8 to 15 of b.
template <int... I>
INLINE V8 shuffle(V8 a, V8 b) {
#if defined(__clang__) || __GNUC__ >= 12
    return __builtin_shufflevector(a, b, I...);
#else
    return V8{(I < 8 ? a[I & 7] : b[I & 7])...};
#endif
}

// The sum over lanes of each of eight vectors, in the lanes of one.
INLINE V8 sums(const V8* rows) {
    V8 quads[2];
    UNROLL for (int i = 0; i < 2; i++) {
        const V8 *r = rows + 4 * i;
        V8 ab = shuffle<0, 8, 1, 9, 4, 12, 5, 13>(r[0], r[1]) +
                shuffle<2, 10, 3, 11, 6, 14, 7, 15>(r[0], r[1]);
        V8 cd = shuffle<0, 8, 1, 9, 4, 12, 5, 13>(r[2], r[3]) +
                shuffle<2, 10, 3, 11, 6, 14, 7, 15>(r[2], r[3]);
        quads[i] = shuffle<0, 1, 8, 9, 4, 5, 12, 13>(ab, cd) +
                   shuffle<2, 3, 10, 11, 6, 7, 14, 15>(ab, cd);
    }
    return shuffle<0, 1, 2, 3, 8, 9, 10, 11>(quads[0], quads[1]) +
           shuffle<4, 5, 6, 7, 12, 13, 14, 15>(quads[0], quads[1]);
}

INLINE float sum(V8 x) {
    x += shuffle<4, 5, 6, 7, 0, 1, 2, 3>(x, x);
    x += shuffle<2, 3, 0, 1, 6, 7, 4, 5>(x, x);
    return x[0] + x[1];
}

// A product that is rounded where it is used for more than one sum. GCC fuses no such product; clang
// fuses it with each, and WebAssembly must have the bits of the other kernels.
INLINE V8 product(V8 a, V8 b) {
#if defined(__wasm__)
#pragma clang fp contract(off)
#endif
    return a * b;
}

// With tanh(x/2) = N/D, a minimax fit up to 9.02, beyond which float32 rounds tanh to 1:
// tanh(x) = 2ND / (N² + D²). An error of the fit counts less the larger x is, and D = 1 + e is kept
// as e, so that the roundings of float32 stay below 4 units in the last place everywhere (tested on
// all floats). The fit itself is off by 7e-9.
INLINE V8 tanh(V8 x) {
    x = minimum(all(9.02f), maximum(all(-9.02f), x));
    V8 t = x * x;
    V8 n = (all(1.14105935e-04f) * t + all(2.97665750e-02f)) * (t * x) + x;  // 2N
    V8 e = (all(1.22609779e-06f) * t + all(1.20580385e-03f)) * t + all(1.13099859e-01f);
    e = product(e, t);
    return (n * e + n) / (n * (n * all(0.25f)) + e * (e + all(2.0f)) + all(1.0f));
}

// exp of numbers that are not above 0; of those below -87 it is that of -87.
INLINE V8 exp(V8 x) {
    x = maximum(all(-87.0f), x);
    const V8 shifter = all(12582912.0f);  // adding it rounds to a whole number, in the low bits
    V8 shifted = x * all(1.44269504f) + shifter;
    V8 n = shifted - shifter;
    V8 r = (x - n * all(0.693359375f)) + n * all(2.12194440e-4f);  // within ln 2 / 2 of 0
    V8 p = all(1.0f / 720) * r + all(1.0f / 120);
    p = p * r + all(1.0f / 24);
    p = p * r + all(1.0f / 6);
    p = p * r + all(0.5f);
    p = p * r + all(1.0f);
    p = p * r + all(1.0f);
    return p * (V8)(((I8)shifted << 23) + 0x3F800000);
}

}  // namespace lecun89::LECUN89_ISA
