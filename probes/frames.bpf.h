// Walks the Python frame chain of the calling thread.

static inline u64 fs_base(const struct settings *conf)
{
	u64 value = 0, task = bpf_get_current_task();
	bpf_probe_read_kernel(&value, 8, (void *)(task + conf->task_fsbase));
	return value;
}

// The calling thread's PyThreadState, with or without the GIL: CPython keeps it in a pthread TSD slot (autoTSSkey)
// until the state is deleted, from 3.15 in a TLS variable. struct pthread: glibc nptl/descr.h. Up to 3.11 the slot does
// not follow a thread into a sub-interpreter: where the caller has the GIL, who holds it tells more.
static inline u64 thread_state(const struct settings *conf, const struct kernel_layout *l, u64 base, bool has_gil)
{
	u64 fs, state = 0;
	if (has_gil && l->current_thread) {
		read_user(&state, 8, base + l->current_thread);
		return state;
	}
	fs = fs_base(conf);
	if (l->has_tls) {
		read_user(&state, 8, fs + l->tls_offset);
		return state;
	}
	struct {
		u32 is_initialized, key;
	} slot = {};
	if (!l->tss_key || read_user(&slot, 8, base + l->tss_key) || !slot.is_initialized)
		return 0;
	if (slot.key < 32) {
		read_user(&state, 8, fs + l->pthread_first_block + (u64)slot.key * 16 + 8);
	} else if (slot.key < 1024) {
		u64 block = 0;
		read_user(&block, 8, fs + l->pthread_specific + (u64)(slot.key >> 5) * 8);
		if (block)
			read_user(&state, 8, block + (u64)(slot.key & 31) * 16 + 8);
	}
	return state;
}

// Put the innermost frame of a thread into s->walk.
static inline void find_first_frame(struct scratch *s, const struct kernel_layout *l, u64 state)
{
	struct walk *w = &s->walk;
	u64 at = state + l->thread_state_frame;
	w->frame = 0;
	if (l->thread_state_cframe != ABSENT) { // 3.11 and 3.12
		w->cframe = 0;
		read_user(&w->cframe, 8, state + l->thread_state_cframe);
		at = w->cframe + l->cframe_current_frame;
	}
	read_user(&w->frame, 8, at);
	FORGET();
}

#define FRAME_FIELD(s, type, at) (*(type *)((u8 *)(s)->window + block + ((at) & (128 - sizeof(type)))))

#define UNREADABLE_FRAME (~0ULL)

#define NEAR_BYTES 0x10000 // what lies further away is no part of the same stack of frames

// Where the block of a frame lies in the window, which is read anew where it does not: with what lies before it in its
// page. A frame elsewhere is read alone, so that the window stays: each call from C has one on the C stack, and those
// of generators lie in these. Where the verifier follows every round, that would be too much for it: there each frame
// is read alone.
static inline u64 frame_block(struct scratch *s, const struct kernel_layout *l, u64 frame, u64 size)
{
	u64 start = frame + l->frame_block_start;
#if HAS_MAY_GOTO
	volatile struct walk *w = &s->walk;
	u64 block = start - w->start;
	if (block <= w->last)
		return block;
	if (w->start && block + NEAR_BYTES > 2 * NEAR_BYTES)
		return read_user(&s->window[FRAME_FAR / 8], size, start) ? UNREADABLE_FRAME : FRAME_FAR;
	block = start & 4095;
	if (block > l->frame_window)
		block = l->frame_window;
	w->start = start - block;
	w->last = block;
	BOUND(block, FRAME_WINDOW - 8);
	return read_user(s->window, block + size, w->start) ? UNREADABLE_FRAME : block;
#else
	return read_user(s->window, size, start) ? UNREADABLE_FRAME : 0;
#endif
}

// Take the frame at s->walk.frame and go on to the one before it; false at the end or where it cannot be read.
static inline bool walk_frame(struct scratch *s, const struct kernel_layout *l, struct freed_places *freed)
{
	volatile struct walk *w = &s->walk;
	u64 size = l->frame_block_size, strings = l->code_string_count * 8, frame = w->frame;
	u32 n = *(volatile u32 *)&s->frame_count;
	OPAQUE(n);
	if (!frame || n >= MAX_FRAMES)
		return false;
	BOUND(n, MAX_FRAMES - 1);
	BOUND(size, 127);
	BOUND(strings, 63);
	w->frame = 0;
	u64 block = frame_block(s, l, frame, size);
	if (block == UNREADABLE_FRAME) {
		s->stack_flags |= EVENT_FLAG_PARTIAL;
		return false;
	}
	BOUND(block, FRAME_FAR | (FRAME_WINDOW - 8));
	u64 code = FRAME_FIELD(s, u64, l->frame_code) & ~3ULL; // 3.14: tag bits of _PyStackRef
	w->frame = FRAME_FIELD(s, u64, l->frame_previous);
	if (FRAME_FIELD(s, u8, l->frame_owner) >= l->owner_skip_from) { // a shim on the C stack
		u32 entered = n - 1;
		BOUND(entered, MAX_FRAMES - 1);
		s->stack.frames[entered].instruction |= ENTRY_FRAME;
		return true;
	}
	s->frame_addresses[n] = frame;
	struct frame_ref *ref = &s->stack.frames[n];
	// up to 3.10 an offset, later a pointer into the code object
	u32 instruction = FRAME_FIELD(s, u64, l->frame_instruction) - ((code + l->code_bytecode) & l->instruction_mask);
	instruction &= ~ENTRY_FRAME;
	instruction |= FRAME_FIELD(s, u8, l->frame_is_entry) & l->frame_entry_mask ? ENTRY_FRAME : 0; // up to 3.11
	u64 key = code_key(s->current.image, code);
	u32 place = kept_place(key), epoch = freed->epochs[place];
	struct kept_code *kept = &s->kept_codes[place];
	u64 is_kept = is_equal((kept->key ^ key) | (kept->epoch ^ epoch), 0) & l->code_is_freed_seen;
	OPAQUE(is_kept);
	if (!is_kept) {
		note_met(freed, code);
		kept->key = key;
		kept->epoch = epoch;
		if (read_user(s->strings, strings, code + l->code_strings)) {
			s->stack_flags |= EVENT_FLAG_PARTIAL;
			kept->key = 0;
		}
		FORGET();
		kept->is_told = 0;
		kept->fingerprint = fingerprint_of(s, freed, code);
	}
	FORGET();
	ref->code = code;
	ref->instruction = instruction;
	ref->fingerprint = kept->fingerprint;
	if (SKIPS_TOLD)
		s->untold |= (kept->is_told ^ 1) << n;
	w->hash = mix(mix(mix(w->hash, code), instruction & ~ENTRY_FRAME), ref->fingerprint);
	*(volatile u32 *)&s->frame_count = n + 1;
	FORGET();
	return true;
}

// Fill s->stack.frames from the frame at s->walk.frame on and give the stack's hash; 0: no Python frame.
static inline u64 walk_from(struct scratch *s, const struct settings *conf, const struct kernel_layout *l, u32 signal)
{
	volatile struct walk *w = &s->walk;
	*(volatile u32 *)&s->frame_count = 0;
	s->stack_flags = 0;
	s->untold = 0;
	w->start = 0;
	w->last = 0;
	s->strings[3] = 0;
	s->frame_addresses[0] = 0;
	s->frame_addresses[1] = 0;
	u32 zero = 0;
	struct freed_places *freed = freed_places.lookup(&zero);
	if (!freed)
		return 0;
	w->hash = conf->seed;
	for (u32 i = 0; i < (MAX_FRAMES + 32) / 2; i++) {
		ROUND(s, i); // costs as much as half a frame
		if (!walk_frame(s, l, freed) || !walk_frame(s, l, freed))
			break;
	}
	FORGET();
	if (w->frame) {
		s->stack_flags |= EVENT_FLAG_TRUNCATED;
		count(signal, COUNTER_STACK_TRUNCATED);
	}
	if (s->stack_flags & EVENT_FLAG_PARTIAL)
		count(signal, COUNTER_UNREADABLE_FRAME);
	return *(volatile u32 *)&s->frame_count ? w->hash | 1 : 0;
}

// The same from a thread's innermost frame on.
static inline u64 walk_frames(struct scratch *s, const struct settings *conf, const struct kernel_layout *l, u64 state,
			      u32 signal)
{
	if (!state) {
		*(volatile u32 *)&s->frame_count = 0;
		s->stack_flags = 0;
		s->frame_addresses[0] = 0;
		s->frame_addresses[1] = 0;
		count(signal, COUNTER_NO_THREAD_STATE);
		return 0;
	}
	find_first_frame(s, l, state);
	FORGET();
	return walk_from(s, conf, l, signal);
}
