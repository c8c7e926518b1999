// Code objects that acts are given, and those that were just made.

#if HAS_MAY_GOTO
// Tell which act was given a code object that was described when it was made.
static inline void tell_given(struct scratch *s, const struct frame_ref *ref, u64 image)
{
	u32 *made = unclaimed_codes.lookup(&s->place);
	if (!made || *made != ref->fingerprint)
		return;
	unclaimed_codes.delete(&s->place);
	s->capture.code = ref->code;
	s->capture.fingerprint = ref->fingerprint;
	s->capture.at = 0;
	if (!send_blocks(s, image, true))
		count(SIGNAL_CODE, COUNTER_TABLE_FULL);
}

// Whether the import system is at work: what lies within modules is copied when it runs.
static inline bool is_import_system(struct scratch *s, const struct kernel_layout *l, u32 frame_count)
{
	u64 *name = s->found.head;
	s->found.from = 0;
	if (!frame_count || read_user(&s->found.from, 8, s->stack.frames[0].code + l->code_strings) ||
	    read_user(name, 8, s->found.from + l->unicode_ascii_size))
		return false;
	return name[0] == 0x206e657a6f72663cULL; // "<frozen "
}

// Describe the code object that an act was given, or that was just made: it need not do anything that is seen.
static inline void describe_given(struct scratch *s, const struct kernel_layout *l, u64 strings, bool is_made)
{
	u32 n = *(volatile u32 *)&s->frame_count, zero = 0;
	struct freed_places *freed = freed_places.lookup(&zero);
	OPAQUE(n);
	if (!freed || n >= MAX_FRAMES)
		return;
	BOUND(n, MAX_FRAMES - 1);
	BOUND(strings, 63);
	struct frame_ref *ref = &s->stack.frames[n];
	s->strings[3] = 0;
	if (read_user(s->strings, strings, s->given_code + l->code_strings))
		return;
	FORGET();
	note_met(freed, s->given_code);
	ref->code = s->given_code;
	ref->fingerprint = fingerprint_of(s, freed, s->given_code);
	s->capture.stack = s->current.stack;
	s->capture.name = is_made ? 0 : s->current.name;
	s->place.image = s->current.image;
	s->place.id = s->given_code;
	u32 *known = known_codes.lookup(&s->place);
	if (!is_made)
		tell_given(s, ref, s->current.image);
	else if (!known || *known != ref->fingerprint)
		unclaimed_codes.update(&s->place, &ref->fingerprint);
	FORGET();
	s->capture.takes_codes = !is_import_system(s, l, n);
	FORGET();
	*(volatile u32 *)&s->frame_count = n + 1;
	s->untold |= 1ULL << n; // its inner ones take its place
	describe_codes(s, l, s->current.image, n);
	*(volatile u32 *)&s->frame_count = n;
	s->capture.stack = 0;
	s->capture.name = 0;
	s->capture.takes_codes = 0;
}
#else
static inline void describe_given(struct scratch *s, const struct kernel_layout *l, u64 strings, bool is_made)
{
}
#endif
