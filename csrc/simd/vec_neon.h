// Vector types for AArch64 Advanced SIMD. Included by vec.h inside the level's namespace; vec.h states what every level provides.
struct VecF {
    using T = float;
    static constexpr int lanes = 4;
    static constexpr int registers = 32;
    float32x4_t v;
};
struct VecD {
    using T = double;
    static constexpr int lanes = 2;
    static constexpr int registers = 32;
    float64x2_t v;
};

UNROLL_INLINE VecF load(const float* p, VecF) { return {vld1q_f32(p)}; }
UNROLL_INLINE VecD load(const double* p, VecD) { return {vld1q_f64(p)}; }
UNROLL_INLINE void store(float* p, VecF a) { vst1q_f32(p, a.v); }
UNROLL_INLINE void store(double* p, VecD a) { vst1q_f64(p, a.v); }
UNROLL_INLINE VecF load_part(const float* p, int64_t n, VecF) {
    float lane[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int64_t i = 0; i < n; ++i) lane[i] = p[i];
    return {vld1q_f32(lane)};
}
UNROLL_INLINE VecD load_part(const double* p, int64_t n, VecD) {
    double lane[2] = {0.0, 0.0};
    for (int64_t i = 0; i < n; ++i) lane[i] = p[i];
    return {vld1q_f64(lane)};
}
UNROLL_INLINE void store_part(float* p, VecF a, int64_t n) {
    float lane[4];
    vst1q_f32(lane, a.v);
    for (int64_t i = 0; i < n; ++i) p[i] = lane[i];
}
UNROLL_INLINE void store_part(double* p, VecD a, int64_t n) {
    double lane[2];
    vst1q_f64(lane, a.v);
    for (int64_t i = 0; i < n; ++i) p[i] = lane[i];
}
UNROLL_INLINE VecF fill(float a, VecF) { return {vdupq_n_f32(a)}; }
UNROLL_INLINE VecD fill(double a, VecD) { return {vdupq_n_f64(a)}; }

UNROLL_INLINE VecF operator+(VecF a, VecF b) { return {vaddq_f32(a.v, b.v)}; }
UNROLL_INLINE VecD operator+(VecD a, VecD b) { return {vaddq_f64(a.v, b.v)}; }
UNROLL_INLINE VecF operator-(VecF a, VecF b) { return {vsubq_f32(a.v, b.v)}; }
UNROLL_INLINE VecD operator-(VecD a, VecD b) { return {vsubq_f64(a.v, b.v)}; }
UNROLL_INLINE VecF operator*(VecF a, VecF b) { return {vmulq_f32(a.v, b.v)}; }
UNROLL_INLINE VecD operator*(VecD a, VecD b) { return {vmulq_f64(a.v, b.v)}; }
UNROLL_INLINE VecF operator/(VecF a, VecF b) { return {vdivq_f32(a.v, b.v)}; }
UNROLL_INLINE VecD operator/(VecD a, VecD b) { return {vdivq_f64(a.v, b.v)}; }
UNROLL_INLINE VecF divide(VecF a, VecF b) { return a / b; }
UNROLL_INLINE VecD divide(VecD a, VecD b) { return a / b; }
UNROLL_INLINE VecF inverse(VecF a) { return fill(1.0f, VecF()) / a; }
UNROLL_INLINE VecD inverse(VecD a) { return fill(1.0, VecD()) / a; }
UNROLL_INLINE VecF fma(VecF a, VecF b, VecF c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
UNROLL_INLINE VecD fma(VecD a, VecD b, VecD c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
UNROLL_INLINE VecF fnma(VecF a, VecF b, VecF c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
UNROLL_INLINE VecD fnma(VecD a, VecD b, VecD c) { return {vfmsq_f64(c.v, a.v, b.v)}; }
UNROLL_INLINE VecF fms(VecF a, VecF b, VecF c) { return {vfmaq_f32(vnegq_f32(c.v), a.v, b.v)}; }
UNROLL_INLINE VecD fms(VecD a, VecD b, VecD c) { return {vfmaq_f64(vnegq_f64(c.v), a.v, b.v)}; }
UNROLL_INLINE VecF max(VecF a, VecF b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
UNROLL_INLINE VecD max(VecD a, VecD b) { return {vbslq_f64(vcgtq_f64(a.v, b.v), a.v, b.v)}; }
UNROLL_INLINE VecF min(VecF a, VecF b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
UNROLL_INLINE VecD min(VecD a, VecD b) { return {vbslq_f64(vcltq_f64(a.v, b.v), a.v, b.v)}; }
UNROLL_INLINE VecF abs(VecF a) { return {vabsq_f32(a.v)}; }
UNROLL_INLINE VecD abs(VecD a) { return {vabsq_f64(a.v)}; }
UNROLL_INLINE VecF copy_sign(VecF a, VecF s) { return {vbslq_f32(vdupq_n_u32(0x80000000u), s.v, a.v)}; }
UNROLL_INLINE VecD copy_sign(VecD a, VecD s) { return {vbslq_f64(vdupq_n_u64(0x8000000000000000ull), s.v, a.v)}; }
UNROLL_INLINE VecF if_greater(VecF a, VecF b, VecF yes, VecF no) { return {vbslq_f32(vcgtq_f32(a.v, b.v), yes.v, no.v)}; }
UNROLL_INLINE VecD if_greater(VecD a, VecD b, VecD yes, VecD no) { return {vbslq_f64(vcgtq_f64(a.v, b.v), yes.v, no.v)}; }
UNROLL_INLINE VecF scale_two(VecF a, VecF n) {
    const int32x4_t exponent = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.v), vdupq_n_s32(127)), 23);
    return {vmulq_f32(a.v, vreinterpretq_f32_s32(exponent))};
}
UNROLL_INLINE VecD scale_two(VecD a, VecD n) {
    const int64x2_t exponent = vshlq_n_s64(vaddq_s64(vcvtq_s64_f64(n.v), vdupq_n_s64(1023)), 52);
    return {vmulq_f64(a.v, vreinterpretq_f64_s64(exponent))};
}
UNROLL_INLINE float sum(VecF a) { return vaddvq_f32(a.v); }
UNROLL_INLINE double sum(VecD a) { return vaddvq_f64(a.v); }
