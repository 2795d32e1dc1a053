// Vector types without any instruction set beyond the build's baseline: GCC and Clang map 16-byte vectors to whatever that has (SSE2 on
// x86-64), or to plain scalars; for other compilers they are arrays and loops. Included by vec.h inside the level's namespace; vec.h states what
// every level provides. fma here is a product and a sum, each rounded: without the instruction a true fused operation is a library call.
#if defined(UNROLL_VECTOR)
typedef float FloatRegister UNROLL_VECTOR(16);
typedef double DoubleRegister UNROLL_VECTOR(16);
typedef int32_t FloatBits UNROLL_VECTOR(16);
typedef int64_t DoubleBits UNROLL_VECTOR(16);

template <class Mask, class R>
UNROLL_INLINE R choose(Mask mask, R yes, R no) {
    return mask ? yes : no;
}
#else
template <class T>
struct Array {
    static constexpr int lanes = 16 / static_cast<int>(sizeof(T));
    T lane[lanes];
    T& operator[](int i) { return lane[i]; }
    T operator[](int i) const { return lane[i]; }
};
using FloatRegister = Array<float>;
using DoubleRegister = Array<double>;
using FloatBits = Array<int32_t>;
using DoubleBits = Array<int64_t>;

#define UNROLL_DEFINE(op)                                                      \
    template <class T>                                                         \
    UNROLL_INLINE Array<T> operator op(Array<T> a, Array<T> b) {               \
        for (int i = 0; i < Array<T>::lanes; ++i) a[i] = a[i] op b[i];         \
        return a;                                                              \
    }                                                                          \
    template <class T>                                                         \
    UNROLL_INLINE Array<T> operator op(Array<T> a, T b) {                      \
        for (int i = 0; i < Array<T>::lanes; ++i) a[i] = a[i] op b;            \
        return a;                                                              \
    }                                                                          \
    template <class T>                                                         \
    UNROLL_INLINE Array<T> operator op(T a, Array<T> b) {                      \
        for (int i = 0; i < Array<T>::lanes; ++i) b[i] = a op b[i];            \
        return b;                                                              \
    }
UNROLL_DEFINE(+)
UNROLL_DEFINE(-)
UNROLL_DEFINE(*)
UNROLL_DEFINE(/)
UNROLL_DEFINE(&)
UNROLL_DEFINE(|)
#undef UNROLL_DEFINE
template <class T>
UNROLL_INLINE Array<T> operator~(Array<T> a) {
    for (int i = 0; i < Array<T>::lanes; ++i) a[i] = ~a[i];
    return a;
}
template <class T>
UNROLL_INLINE Array<T> operator<<(Array<T> a, int n) {
    for (int i = 0; i < Array<T>::lanes; ++i) a[i] = static_cast<T>(static_cast<std::make_unsigned_t<T>>(a[i]) << n);
    return a;
}
template <class T>
struct Mask {
    bool lane[Array<T>::lanes];
};
template <class T>
UNROLL_INLINE Mask<T> operator>(Array<T> a, Array<T> b) {
    Mask<T> m;
    for (int i = 0; i < Array<T>::lanes; ++i) m.lane[i] = a[i] > b[i];
    return m;
}
template <class T>
UNROLL_INLINE Mask<T> operator<(Array<T> a, Array<T> b) {
    return b > a;
}
template <class T>
UNROLL_INLINE Array<T> choose(Mask<T> mask, Array<T> yes, Array<T> no) {
    for (int i = 0; i < Array<T>::lanes; ++i) yes[i] = mask.lane[i] ? yes[i] : no[i];
    return yes;
}
#endif

struct VecF {
    using T = float;
    static constexpr int lanes = 4;
    static constexpr int registers = 16;
    using Register = FloatRegister;
    using Bits = FloatBits;
    Register v;
};
struct VecD {
    using T = double;
    static constexpr int lanes = 2;
    static constexpr int registers = 16;
    using Register = DoubleRegister;
    using Bits = DoubleBits;
    Register v;
};

#define UNROLL_BOTH(code) \
    code(VecF) code(VecD)
#define UNROLL_DEFINE(V)                                                                                                          \
    UNROLL_INLINE V load(const V::T* p, V) {                                                                                      \
        V r;                                                                                                                      \
        std::memcpy(&r.v, p, sizeof r.v);                                                                                         \
        return r;                                                                                                                 \
    }                                                                                                                             \
    UNROLL_INLINE void store(V::T* p, V a) { std::memcpy(p, &a.v, sizeof a.v); }                                                  \
    UNROLL_INLINE V load_part(const V::T* p, int64_t n, V) {                                                                      \
        V r{};                                                                                                                    \
        for (int i = 0; i < V::lanes; ++i)                                                                                        \
            if (i < n) r.v[i] = p[i];                                                                                             \
        return r;                                                                                                                 \
    }                                                                                                                             \
    UNROLL_INLINE void store_part(V::T* p, V a, int64_t n) {                                                                      \
        for (int i = 0; i < V::lanes; ++i)                                                                                        \
            if (i < n) p[i] = a.v[i];                                                                                             \
    }                                                                                                                             \
    UNROLL_INLINE V fill(V::T a, V) { return {a - V::Register{}}; } /* a difference, so that -0 stays -0 */                       \
    UNROLL_INLINE V operator+(V a, V b) { return {a.v + b.v}; }                                                                   \
    UNROLL_INLINE V operator-(V a, V b) { return {a.v - b.v}; }                                                                   \
    UNROLL_INLINE V operator*(V a, V b) { return {a.v * b.v}; }                                                                   \
    UNROLL_INLINE V operator/(V a, V b) { return {a.v / b.v}; }                                                                   \
    UNROLL_INLINE V inverse(V a) { return {V::T(1) / a.v}; }                                                                      \
    UNROLL_INLINE V divide(V a, V b) { return a / b; }                                                                            \
    UNROLL_INLINE V fma(V a, V b, V c) { return {a.v * b.v + c.v}; }                                                              \
    UNROLL_INLINE V fnma(V a, V b, V c) { return {c.v - a.v * b.v}; }                                                             \
    UNROLL_INLINE V fms(V a, V b, V c) { return {a.v * b.v - c.v}; }                                                              \
    UNROLL_INLINE V max(V a, V b) { return {choose(a.v > b.v, a.v, b.v)}; }                                                   \
    UNROLL_INLINE V min(V a, V b) { return {choose(a.v < b.v, a.v, b.v)}; }                                                   \
    UNROLL_INLINE V if_greater(V a, V b, V yes, V no) { return {choose(a.v > b.v, yes.v, no.v)}; }                            \
    UNROLL_INLINE V::Bits bits_of(V a) {                                                                                          \
        V::Bits b;                                                                                                                \
        std::memcpy(&b, &a.v, sizeof b);                                                                                          \
        return b;                                                                                                                 \
    }                                                                                                                             \
    UNROLL_INLINE V of_bits(V::Bits b, V) {                                                                                       \
        V r;                                                                                                                      \
        std::memcpy(&r.v, &b, sizeof b);                                                                                          \
        return r;                                                                                                                 \
    }                                                                                                                             \
    UNROLL_INLINE V abs(V a) { return of_bits(bits_of(a) & ~bits_of(fill(V::T(-0.0), V())), V()); }                               \
    UNROLL_INLINE V copy_sign(V a, V s) { return of_bits(bits_of(a) | (bits_of(s) & bits_of(fill(V::T(-0.0), V()))), V()); }      \
    UNROLL_INLINE V::T sum(V a) {                                                                                                 \
        V::T total = a.v[0];                                                                                                      \
        for (int i = 1; i < V::lanes; ++i) total += a.v[i];                                                                       \
        return total;                                                                                                             \
    }
UNROLL_BOTH(UNROLL_DEFINE)
#undef UNROLL_DEFINE
#undef UNROLL_BOTH

// With 1.5 * 2^(digits-1) and the exponent's bias added, the low bits are the exponent field of 2^n.
UNROLL_INLINE VecF scale_two(VecF a, VecF n) {
    return a * of_bits(bits_of(VecF{n.v + (12582912.0f + 127.0f)}) << 23, VecF());
}
UNROLL_INLINE VecD scale_two(VecD a, VecD n) {
    return a * of_bits(bits_of(VecD{n.v + (6755399441055744.0 + 1023.0)}) << 52, VecD());
}
