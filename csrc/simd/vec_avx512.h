// Vector types for AVX-512 (F, DQ, BW, VL). Included by vec.h inside the level's namespace; vec.h states what every level provides.
struct VecF {
    using T = float;
    static constexpr int lanes = 16;
    static constexpr int registers = 32;
    __m512 v;
};
struct VecD {
    using T = double;
    static constexpr int lanes = 8;
    static constexpr int registers = 32;
    __m512d v;
};

UNROLL_INLINE VecF load(const float* p, VecF) { return {_mm512_loadu_ps(p)}; }
UNROLL_INLINE VecD load(const double* p, VecD) { return {_mm512_loadu_pd(p)}; }
UNROLL_INLINE void store(float* p, VecF a) { _mm512_storeu_ps(p, a.v); }
UNROLL_INLINE void store(double* p, VecD a) { _mm512_storeu_pd(p, a.v); }
UNROLL_INLINE VecF load_part(const float* p, int64_t n, VecF) {
    return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p)};
}
UNROLL_INLINE VecD load_part(const double* p, int64_t n, VecD) {
    return {_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1u), p)};
}
UNROLL_INLINE void store_part(float* p, VecF a, int64_t n) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), a.v);
}
UNROLL_INLINE void store_part(double* p, VecD a, int64_t n) {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1u), a.v);
}
UNROLL_INLINE VecF fill(float a, VecF) { return {_mm512_set1_ps(a)}; }
UNROLL_INLINE VecD fill(double a, VecD) { return {_mm512_set1_pd(a)}; }

UNROLL_INLINE VecF operator+(VecF a, VecF b) { return {_mm512_add_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator+(VecD a, VecD b) { return {_mm512_add_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator-(VecF a, VecF b) { return {_mm512_sub_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator-(VecD a, VecD b) { return {_mm512_sub_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator*(VecF a, VecF b) { return {_mm512_mul_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator*(VecD a, VecD b) { return {_mm512_mul_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator/(VecF a, VecF b) { return {_mm512_div_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator/(VecD a, VecD b) { return {_mm512_div_pd(a.v, b.v)}; }
// One step of Newton's from 14 bits: 28 bits before rounding, at a third of the time of a division.
UNROLL_INLINE VecF inverse(VecF a) {
    const __m512 guess = _mm512_rcp14_ps(a.v);
    return {_mm512_fmadd_ps(guess, _mm512_fnmadd_ps(a.v, guess, _mm512_set1_ps(1.0f)), guess)};
}
UNROLL_INLINE VecF divide(VecF a, VecF b) {
    const __m512 inverted = inverse(b).v, quotient = _mm512_mul_ps(a.v, inverted);
    return {_mm512_fmadd_ps(_mm512_fnmadd_ps(quotient, b.v, a.v), inverted, quotient)};
}
UNROLL_INLINE VecD divide(VecD a, VecD b) { return {_mm512_div_pd(a.v, b.v)}; }
UNROLL_INLINE VecD inverse(VecD a) { return {_mm512_div_pd(_mm512_set1_pd(1.0), a.v)}; }
UNROLL_INLINE VecF fma(VecF a, VecF b, VecF c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fma(VecD a, VecD b, VecD c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF fnma(VecF a, VecF b, VecF c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fnma(VecD a, VecD b, VecD c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF fms(VecF a, VecF b, VecF c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fms(VecD a, VecD b, VecD c) { return {_mm512_fmsub_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF max(VecF a, VecF b) { return {_mm512_max_ps(a.v, b.v)}; }
UNROLL_INLINE VecD max(VecD a, VecD b) { return {_mm512_max_pd(a.v, b.v)}; }
UNROLL_INLINE VecF min(VecF a, VecF b) { return {_mm512_min_ps(a.v, b.v)}; }
UNROLL_INLINE VecD min(VecD a, VecD b) { return {_mm512_min_pd(a.v, b.v)}; }
UNROLL_INLINE VecF abs(VecF a) { return {_mm512_abs_ps(a.v)}; }
UNROLL_INLINE VecD abs(VecD a) { return {_mm512_abs_pd(a.v)}; }
UNROLL_INLINE VecF copy_sign(VecF a, VecF s) {
    return {_mm512_or_ps(a.v, _mm512_and_ps(s.v, _mm512_set1_ps(-0.0f)))};
}
UNROLL_INLINE VecD copy_sign(VecD a, VecD s) {
    return {_mm512_or_pd(a.v, _mm512_and_pd(s.v, _mm512_set1_pd(-0.0)))};
}
UNROLL_INLINE VecF if_greater(VecF a, VecF b, VecF yes, VecF no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), no.v, yes.v)};
}
UNROLL_INLINE VecD if_greater(VecD a, VecD b, VecD yes, VecD no) {
    return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ), no.v, yes.v)};
}
UNROLL_INLINE VecF scale_two(VecF a, VecF n) { return {_mm512_scalef_ps(a.v, n.v)}; }
UNROLL_INLINE VecD scale_two(VecD a, VecD n) { return {_mm512_scalef_pd(a.v, n.v)}; }
UNROLL_INLINE float sum(VecF a) { return _mm512_reduce_add_ps(a.v); }
UNROLL_INLINE double sum(VecD a) { return _mm512_reduce_add_pd(a.v); }

// Rows to columns: four rounds, each putting elements twice as far apart side by side.
UNROLL_INLINE void transpose(VecF (&r)[16]) {
    __m512 a[16], b[16];
UNROLL_LOOP(8)
    for (int i = 0; i < 8; ++i) {
        a[2 * i] = _mm512_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
        a[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
    }
UNROLL_LOOP(4)
    for (int i = 0; i < 16; i += 4)
UNROLL_LOOP(2)
        for (int j = 0; j < 2; ++j) {
            const __m512d low = _mm512_castps_pd(a[i + j]), high = _mm512_castps_pd(a[i + 2 + j]);
            b[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            b[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    // b[4 g + k] holds, in each quarter q, column 4 q + k of the rows 4 g .. 4 g + 3.
UNROLL_LOOP(4)
    for (int k = 0; k < 4; ++k) {
        const __m512 even01 = _mm512_shuffle_f32x4(b[k], b[4 + k], 0x88), odd01 = _mm512_shuffle_f32x4(b[k], b[4 + k], 0xdd);
        const __m512 even23 = _mm512_shuffle_f32x4(b[8 + k], b[12 + k], 0x88), odd23 = _mm512_shuffle_f32x4(b[8 + k], b[12 + k], 0xdd);
        r[k].v = _mm512_shuffle_f32x4(even01, even23, 0x88);
        r[8 + k].v = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        r[4 + k].v = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        r[12 + k].v = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
}
