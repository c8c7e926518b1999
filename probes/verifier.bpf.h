// The forms in which the verifier follows the programs.

// Bound an index in the very instructions that the verifier sees: clang tests one copy of a value and uses another.
#define BOUND(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))
// Keep clang from knowing a value, so that a test of it stays in the program.
#define OPAQUE(value) asm volatile("" : "+r"(value))

// 1 or 0 without a branch: one path less for the verifier to follow.
static inline u64 is_equal(u64 one, u64 other)
{
	u64 difference = one ^ other;
	OPAQUE(difference);
	return ((difference | -difference) >> 63) ^ 1;
}

// Begin a round of a loop, first in its body. The verifier follows every round, unless Linux knows may_goto (6.9): that
// bounds the loop, and the round's number comes back from memory, so that one round is like the next to the verifier.
#if HAS_MAY_GOTO
#define ROUND(s, i)                                                                                                    \
	({                                                                                                             \
		__label__ out, on;                                                                                     \
		(s)->round = i;                                                                                        \
		asm volatile goto("1: .byte 0xe5; .byte 0; .long ((%l[out] - 1b - 8) / 8) & 0xffff; .short 0"          \
				  :                                                                                    \
				  :                                                                                    \
				  :                                                                                    \
				  : out);                                                                              \
		goto on;                                                                                               \
	out:                                                                                                           \
		break;                                                                                                 \
	on:                                                                                                            \
		i = *(volatile u32 *)&(s)->round;                                                                      \
	})
#else
#define ROUND(s, i) OPAQUE(i)
#endif

// Values written before are unknown to the verifier after: paths that differ only in them become one.
#define FORGET() asm volatile("" : : : "memory")
