// What compilers spell differently, all of it, and nothing else: GCC and Clang, MSVC, and any other, which gets plain C++. UNROLL_PLAIN_COMPILER
// takes a compiler for "any other", so that what it would see is built and tested with one that is at hand.
#pragma once

#if !defined(UNROLL_PLAIN_COMPILER) && (defined(__GNUC__) || defined(__clang__))
#define UNROLL_GNU 1
#elif !defined(UNROLL_PLAIN_COMPILER) && defined(_MSC_VER)
#define UNROLL_MSVC 1
#endif

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define UNROLL_X86 1
#include <xmmintrin.h>
#elif defined(__aarch64__) || defined(_M_ARM64)
#define UNROLL_ARM64 1
#endif

#if defined(UNROLL_MSVC)
#include <intrin.h>
#elif defined(UNROLL_GNU) && defined(UNROLL_X86)
#include <cpuid.h>
#endif

// UNROLL_INLINE_MEMBER: of a function that is always inlined. UNROLL_INLINE_LAMBDA: the same behind a lambda's parameters. UNROLL_NOINLINE: of one
// that never is. UNROLL_LOOP(n): the loop that follows is written out, up to n times; n is a number, not an expression.
// UNROLL_FETCH(p, write, level): calls the line at p into a cache, 3 the first level, 2 the second; write is 1 where it will be written.
// UNROLL_VECTOR(bytes), only where there is such a thing: makes a typedef a vector with the operators of its elements.
#if defined(UNROLL_GNU)
#define UNROLL_PRAGMA(words) _Pragma(#words)
#define UNROLL_INLINE_MEMBER inline __attribute__((always_inline))
#define UNROLL_INLINE_LAMBDA __attribute__((always_inline))
#define UNROLL_NOINLINE __attribute__((noinline))
#define UNROLL_LOOP(n) UNROLL_PRAGMA(GCC unroll n)
#define UNROLL_FETCH(p, write, level) __builtin_prefetch(p, write, level)
#define UNROLL_VECTOR(bytes) __attribute__((vector_size(bytes)))
#elif defined(UNROLL_MSVC)
#define UNROLL_INLINE_MEMBER __forceinline
#define UNROLL_INLINE_LAMBDA
#define UNROLL_NOINLINE __declspec(noinline)
#define UNROLL_LOOP(n)
#if defined(UNROLL_X86)
#define UNROLL_FETCH(p, write, level) _mm_prefetch(reinterpret_cast<const char*>(p), (level) == 3 ? _MM_HINT_T0 : _MM_HINT_T1)
#else
#define UNROLL_FETCH(p, write, level) __prefetch(p)
#endif
#else
#define UNROLL_INLINE_MEMBER inline
#define UNROLL_INLINE_LAMBDA
#define UNROLL_NOINLINE
#define UNROLL_LOOP(n)
#define UNROLL_FETCH(p, write, level) static_cast<void>(p)
#endif
#define UNROLL_INLINE static UNROLL_INLINE_MEMBER

// UNROLL_PAUSE(): some tens of nanoseconds in a loop that waits for another core, in which a thread of the same core may run.
#if defined(UNROLL_X86)
#define UNROLL_PAUSE() _mm_pause()
#elif defined(UNROLL_ARM64) && defined(UNROLL_GNU)
#define UNROLL_PAUSE() asm volatile("isb" : : : "memory")
#elif defined(UNROLL_ARM64) && defined(UNROLL_MSVC)
#define UNROLL_PAUSE() __isb(_ARM64_BARRIER_SY)
#else
#define UNROLL_PAUSE() static_cast<void>(0)
#endif

// UNROLL_READ_FPCR(x), UNROLL_WRITE_FPCR(x): ARM's register of floating-point modes, 64 bits.
#if defined(UNROLL_ARM64) && defined(UNROLL_GNU)
#define UNROLL_READ_FPCR(x) asm volatile("mrs %0, fpcr" : "=r"(x))
#define UNROLL_WRITE_FPCR(x) asm volatile("msr fpcr, %0" : : "r"(x))
#elif defined(UNROLL_ARM64) && defined(UNROLL_MSVC)
#define UNROLL_READ_FPCR(x) (x) = static_cast<uint64_t>(_ReadStatusReg(ARM64_FPCR))
#define UNROLL_WRITE_FPCR(x) _WriteStatusReg(ARM64_FPCR, static_cast<__int64>(x))
#endif

// UNROLL_CPU_SUPPORTS(feature): whether processor and operating system have it.
#if defined(UNROLL_X86) && defined(UNROLL_GNU)
#define UNROLL_CPU_SUPPORTS(feature) __builtin_cpu_supports(feature)
#endif

// UNROLL_CPUID(words, leaf, part): what an x86 processor says of itself, into words[4]: eax, ebx, ecx, edx. UNROLL_READ_XCR0(low): which
// registers the operating system saves; only where CPUID says that there is such an instruction.
#if defined(UNROLL_X86) && defined(UNROLL_GNU)
#define UNROLL_CPUID(words, leaf, part) __cpuid_count(leaf, part, (words)[0], (words)[1], (words)[2], (words)[3])
#define UNROLL_READ_XCR0(low) asm volatile("xgetbv" : "=a"(low) : "c"(0) : "edx")
#elif defined(UNROLL_X86) && defined(UNROLL_MSVC)
#define UNROLL_CPUID(words, leaf, part) __cpuidex(reinterpret_cast<int*>(words), leaf, part)
#define UNROLL_READ_XCR0(low) (low) = static_cast<unsigned int>(_xgetbv(0))
#endif
