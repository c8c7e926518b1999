// Code objects among the constants of one that was given or made: copied, too, though they may never run.

#if HAS_MAY_GOTO && !TELLS_DICTIONARIES
static inline void keep_inner_code(struct scratch *s)
{
	struct capture *c = &s->capture;
	u32 end = c->codes_end;
	if (!c->takes_codes)
		return;
	if (end >= MAX_INNER_CODES) {
		count(SIGNAL_CODE, COUNTER_TABLE_FULL);
		return;
	}
	BOUND(end, MAX_INNER_CODES - 1);
	s->inner_codes[end] = c->pointer;
	c->codes_end = end + 1;
}

// Put the next code object that lies within the given one at its place; gives the place, MAX_FRAMES where there is
// none.
static inline u32 next_inner_code(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	struct capture *c = &s->capture;
	u32 n = *(volatile u32 *)&s->frame_count - 1, next = c->codes_next, zero = 0;
	u64 strings = l->code_string_count * 8;
	struct freed_places *freed = freed_places.lookup(&zero);
	BOUND(next, MAX_INNER_CODES - 1);
	if (c->codes_next >= c->codes_end || !freed || n >= MAX_FRAMES)
		return MAX_FRAMES;
	c->codes_next = next + 1;
	BOUND(n, MAX_FRAMES - 1);
	BOUND(strings, 63);
	struct frame_ref *ref = &s->stack.frames[n];
	ref->code = s->inner_codes[next];
	s->strings[3] = 0;
	if (read_user(s->strings, strings, ref->code + l->code_strings)) {
		count(SIGNAL_CODE, COUNTER_TABLE_FULL);
		return MAX_FRAMES; // the rest is not told either
	}
	FORGET();
	note_met(freed, ref->code);
	ref->fingerprint = fingerprint_of(s, freed, ref->code);
	return n;
}
#else
static inline u32 next_inner_code(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	return MAX_FRAMES;
}
#endif
