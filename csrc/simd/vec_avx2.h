// Vector types for AVX2 with FMA. Included by vec.h inside the level's namespace; vec.h states what every level provides.
struct VecF {
    using T = float;
    static constexpr int lanes = 8;
    static constexpr int registers = 16;
    __m256 v;
};
struct VecD {
    using T = double;
    static constexpr int lanes = 4;
    static constexpr int registers = 16;
    __m256d v;
};

UNROLL_INLINE __m256i mask32(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
UNROLL_INLINE __m256i mask64(int64_t n) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }

UNROLL_INLINE VecF load(const float* p, VecF) { return {_mm256_loadu_ps(p)}; }
UNROLL_INLINE VecD load(const double* p, VecD) { return {_mm256_loadu_pd(p)}; }
UNROLL_INLINE void store(float* p, VecF a) { _mm256_storeu_ps(p, a.v); }
UNROLL_INLINE void store(double* p, VecD a) { _mm256_storeu_pd(p, a.v); }
UNROLL_INLINE VecF load_part(const float* p, int64_t n, VecF) { return {_mm256_maskload_ps(p, mask32(n))}; }
UNROLL_INLINE VecD load_part(const double* p, int64_t n, VecD) { return {_mm256_maskload_pd(p, mask64(n))}; }
UNROLL_INLINE void store_part(float* p, VecF a, int64_t n) { _mm256_maskstore_ps(p, mask32(n), a.v); }
UNROLL_INLINE void store_part(double* p, VecD a, int64_t n) { _mm256_maskstore_pd(p, mask64(n), a.v); }
UNROLL_INLINE VecF fill(float a, VecF) { return {_mm256_set1_ps(a)}; }
UNROLL_INLINE VecD fill(double a, VecD) { return {_mm256_set1_pd(a)}; }

UNROLL_INLINE VecF operator+(VecF a, VecF b) { return {_mm256_add_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator+(VecD a, VecD b) { return {_mm256_add_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator-(VecF a, VecF b) { return {_mm256_sub_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator-(VecD a, VecD b) { return {_mm256_sub_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator*(VecF a, VecF b) { return {_mm256_mul_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator*(VecD a, VecD b) { return {_mm256_mul_pd(a.v, b.v)}; }
UNROLL_INLINE VecF operator/(VecF a, VecF b) { return {_mm256_div_ps(a.v, b.v)}; }
UNROLL_INLINE VecD operator/(VecD a, VecD b) { return {_mm256_div_pd(a.v, b.v)}; }
UNROLL_INLINE VecF divide(VecF a, VecF b) { return a / b; }
UNROLL_INLINE VecD divide(VecD a, VecD b) { return a / b; }
UNROLL_INLINE VecF inverse(VecF a) { return fill(1.0f, VecF()) / a; }
UNROLL_INLINE VecD inverse(VecD a) { return fill(1.0, VecD()) / a; }
UNROLL_INLINE VecF fma(VecF a, VecF b, VecF c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fma(VecD a, VecD b, VecD c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF fnma(VecF a, VecF b, VecF c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fnma(VecD a, VecD b, VecD c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF fms(VecF a, VecF b, VecF c) { return {_mm256_fmsub_ps(a.v, b.v, c.v)}; }
UNROLL_INLINE VecD fms(VecD a, VecD b, VecD c) { return {_mm256_fmsub_pd(a.v, b.v, c.v)}; }
UNROLL_INLINE VecF max(VecF a, VecF b) { return {_mm256_max_ps(a.v, b.v)}; }
UNROLL_INLINE VecD max(VecD a, VecD b) { return {_mm256_max_pd(a.v, b.v)}; }
UNROLL_INLINE VecF min(VecF a, VecF b) { return {_mm256_min_ps(a.v, b.v)}; }
UNROLL_INLINE VecD min(VecD a, VecD b) { return {_mm256_min_pd(a.v, b.v)}; }
UNROLL_INLINE VecF abs(VecF a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
UNROLL_INLINE VecD abs(VecD a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
UNROLL_INLINE VecF copy_sign(VecF a, VecF s) { return {_mm256_or_ps(a.v, _mm256_and_ps(s.v, _mm256_set1_ps(-0.0f)))}; }
UNROLL_INLINE VecD copy_sign(VecD a, VecD s) { return {_mm256_or_pd(a.v, _mm256_and_pd(s.v, _mm256_set1_pd(-0.0)))}; }
UNROLL_INLINE VecF if_greater(VecF a, VecF b, VecF yes, VecF no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ))};
}
UNROLL_INLINE VecD if_greater(VecD a, VecD b, VecD yes, VecD no) {
    return {_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ))};
}
UNROLL_INLINE VecF scale_two(VecF a, VecF n) {
    // The exponent field of 2^n; n is whole and between -126 and 127. Adding 1.5 * 2^23 leaves n + 2^22 in the low bits.
    const __m256i bits = _mm256_castps_si256(_mm256_add_ps(n.v, _mm256_set1_ps(12582912.0f + 127.0f)));
    return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23)))};
}
UNROLL_INLINE VecD scale_two(VecD a, VecD n) {
    const __m256i bits = _mm256_castpd_si256(_mm256_add_pd(n.v, _mm256_set1_pd(6755399441055744.0 + 1023.0)));
    return {_mm256_mul_pd(a.v, _mm256_castsi256_pd(_mm256_slli_epi64(bits, 52)))};
}
UNROLL_INLINE float sum(VecF a) {
    float lane[8];
    _mm256_storeu_ps(lane, a.v);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
UNROLL_INLINE double sum(VecD a) {
    double lane[4];
    _mm256_storeu_pd(lane, a.v);
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

// Rows to columns: three rounds, each putting elements twice as far apart side by side.
UNROLL_INLINE void transpose(VecF (&r)[8]) {
    __m256 a[8], b[8];
UNROLL_LOOP(4)
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = _mm256_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
        a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
    }
UNROLL_LOOP(2)
    for (int i = 0; i < 8; i += 4)
UNROLL_LOOP(2)
        for (int j = 0; j < 2; ++j) {
            b[i + 2 * j] = _mm256_shuffle_ps(a[i + j], a[i + 2 + j], _MM_SHUFFLE(1, 0, 1, 0));
            b[i + 2 * j + 1] = _mm256_shuffle_ps(a[i + j], a[i + 2 + j], _MM_SHUFFLE(3, 2, 3, 2));
        }
    // b[4 g + k] holds, in each half q, column 4 q + k of the rows 4 g .. 4 g + 3.
UNROLL_LOOP(4)
    for (int k = 0; k < 4; ++k) {
        r[k].v = _mm256_permute2f128_ps(b[k], b[4 + k], 0x20);
        r[4 + k].v = _mm256_permute2f128_ps(b[k], b[4 + k], 0x31);
    }
}
UNROLL_INLINE void transpose(VecD (&r)[4]) {
    const __m256d even01 = _mm256_unpacklo_pd(r[0].v, r[1].v), odd01 = _mm256_unpackhi_pd(r[0].v, r[1].v);
    const __m256d even23 = _mm256_unpacklo_pd(r[2].v, r[3].v), odd23 = _mm256_unpackhi_pd(r[2].v, r[3].v);
    r[0].v = _mm256_permute2f128_pd(even01, even23, 0x20);
    r[1].v = _mm256_permute2f128_pd(odd01, odd23, 0x20);
    r[2].v = _mm256_permute2f128_pd(even01, even23, 0x31);
    r[3].v = _mm256_permute2f128_pd(odd01, odd23, 0x31);
}
