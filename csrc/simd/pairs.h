// Products of bfloat16 pairs with float32 sums. Included by vec.h inside the level's namespace, by levels that define UNROLL_PAIRS.
//
// A pair, two neighbours (2k, 2k+1) of the inner dimension, is one 32-bit element, so that a register of pairs has the lanes of a register of
// float32 sums. pair_fma is the one primitive: to each lane's sum it adds the product of the upper halves, then that of the lower halves, each
// sum rounded once, to the nearest even, as VDPBF16PS does. That instruction takes subnormal operands as zero and makes subnormal results zero
// whatever the thread's settings are; the two fused operations that stand for it without UNROLL_PAIRS_INSTRUCTION do the same on a thread that
// flushes them, as every thread that runs these kernels does (FlushSubnormals in dispatch/driver.cpp). So both give the same bits.
UNROLL_INLINE VecF pair_fma(__m512i a, __m512i b, VecF sum) {
#if defined(UNROLL_PAIRS_INSTRUCTION)
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)a, (__m512bh)b)};
#else
    const __m512i upper = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
    const auto high = [&](__m512i x) UNROLL_INLINE_LAMBDA { return _mm512_castsi512_ps(_mm512_and_si512(x, upper)); };
    const auto low = [](__m512i x) UNROLL_INLINE_LAMBDA { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); };
    return {_mm512_fmadd_ps(low(a), low(b), _mm512_fmadd_ps(high(a), high(b), sum.v))};
#endif
}

UNROLL_INLINE VecF widened(__m256i a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16))}; }

// Lanes of 32 bits whose lower halves are the bfloat16 nearest to a, ties to even; NaN stays NaN. Not the processor's own conversion, which
// only processors with VDPBF16PS have: nine operations beside a unit's eighty.
UNROLL_INLINE __m512i narrowed(VecF a) {
    const __m512i bits = _mm512_castps_si512(a.v), upper = _mm512_srli_epi32(bits, 16);
    const __m512i half = _mm512_add_epi32(_mm512_and_si512(upper, _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
    return _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), upper, _mm512_set1_epi32(0x40));
}

UNROLL_INLINE __m256i load_words(const uint16_t* p, int64_t n) {
    return n >= 16 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)) : _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1u), p);
}

// n lanes of a row of bfloat16, of which none past its end is touched.
template <class V>
UNROLL_INLINE V load_lanes(const uint16_t* p, int64_t n) {
    return widened(load_words(p, n));
}
UNROLL_INLINE void store_lanes(uint16_t* p, VecF a, int64_t n) {
    const __m256i words = _mm512_cvtepi32_epi16(narrowed(a));
    if (n >= 16)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words);
    else
        _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1u), words);
}

// The arithmetic of tiles (scan/tile-inl.h) on pairs. Where a pair stands in memory meant for float32, it is only ever copied.
struct Pairs {
    using V = VecF;
    using T = float;
    using X = uint16_t;
    static constexpr int64_t fold = 2;
    struct Operand {
        __m512i v;
    };
    UNROLL_INLINE Operand broadcast(const void* p) {
        int32_t bits;
        std::memcpy(&bits, p, sizeof bits);
        return {_mm512_set1_epi32(bits)};
    }
    UNROLL_INLINE Operand load(const float* p) { return {_mm512_loadu_si512(p)}; }
    UNROLL_INLINE V multiply_add(Operand a, Operand b, V sum) { return pair_fma(a.v, b.v, sum); }

    // Sixteen pairs that lie side by side, from n words; what n leaves open is zero.
    UNROLL_INLINE V row(const uint16_t* p, int64_t n) {
        const __mmask32 mask = n >= 32 ? ~__mmask32(0) : static_cast<__mmask32>((uint64_t{1} << n) - 1u);
        return {_mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, p))};
    }
    // Pairs whose halves lie in two rows, from n words of each; null: zeros.
    UNROLL_INLINE V rows(const uint16_t* low, const uint16_t* high, int64_t n) {
        __m512i bits = _mm512_setzero_si512();
        if (low) bits = _mm512_cvtepu16_epi32(load_words(low, n));
        if (high) bits = _mm512_or_si512(bits, _mm512_slli_epi32(_mm512_cvtepu16_epi32(load_words(high, n)), 16));
        return {_mm512_castsi512_ps(bits)};
    }
    // Pairs of the lanes of two vectors.
    UNROLL_INLINE V rounded(V low, V high) {
        const __m512i bits = _mm512_or_si512(narrowed(low), _mm512_slli_epi32(narrowed(high), 16));
        return {_mm512_castsi512_ps(bits)};
    }
};
