// Copies what a native stack is unwound from: registers and the user stack. They go into a ring buffer of their own:
// however many there are, they push out no act.

BPF_RINGBUF_OUTPUT(stack_ring, 4096); // the loader sets the size
BPF_TABLE("lru_hash", u32, struct native_stack_event, native_by_thread, 256);
BPF_ARRAY(empty_native, struct native_stack_event, 1);
// Of addresses in the code of an image: how to find their callers. What is not there yet has not been unwound.
BPF_TABLE("lru_hash", struct place, struct return_place, return_places, 32768);

#define MAX_KEY_WORDS 64

// Whether the instruction before an address is a call: e8, or ff /2 in one of its lengths. True also where that cannot
// be read: then the address tells stacks apart all the same.
static inline bool follows_call(u64 address)
{
	u64 bytes = 0;
	if (bpf_probe_read_user(&bytes, 8, (void *)(address - 8)))
		return true;
	return ((bytes >> 24) & 0xff) == 0xe8 | ((bytes >> 8) & 0x38ff) == 0x10ff | ((bytes >> 16) & 0x38ff) == 0x10ff |
	       ((bytes >> 32) & 0x38ff) == 0x10ff | ((bytes >> 40) & 0x38ff) == 0x10ff |
	       ((bytes >> 48) & 0x38ff) == 0x10ff;
}

// Read the first words of a stack, page by page; gives how many.
static inline u32 read_stack_words(u64 *words, u64 sp)
{
	u64 size = 4096 - (sp & 4095), rest;
	if (size > MAX_KEY_WORDS * 8)
		size = MAX_KEY_WORDS * 8;
	rest = MAX_KEY_WORDS * 8 - size;
	OPAQUE(size);
	BOUND(size, 2 * MAX_KEY_WORDS * 8 - 1);
	if (bpf_probe_read_user(words, size, (void *)sp))
		return 0;
	OPAQUE(rest);
	BOUND(rest, MAX_KEY_WORDS * 8 - 1);
	BOUND(size, 2 * MAX_KEY_WORDS * 8 - 1);
	if (rest && !bpf_probe_read_user((u8 *)words + size, rest, (void *)(sp + size)))
		return MAX_KEY_WORDS;
	return size / 8;
}

// Mix what looks like a return address into a library: a word near the instruction, not near the stack pointer, that
// follows a call: pointers to data lie near, too, and are others each time.
static inline u64 mix_likely_callers(u64 *words, u64 key, u64 ip, u64 sp, u64 mask)
{
	u32 count = read_stack_words(words, sp);
	for (u32 i = 0; i < MAX_KEY_WORDS && i < count; i++) {
		OPAQUE(i);
		BOUND(i, MAX_KEY_WORDS - 1);
		u64 word = words[i];
		if (!((word ^ ip) >> 40) && word - sp + (16 << 20) > (32 << 20) && follows_call(word))
			key = mix(key, word & mask);
	}
	return key;
}

// What tells native stacks apart: the instruction, how deep the stack is, and the callers up to the innermost Python
// frame: two DLLs may do the same by the same function of the C library, and one after the other at the same address.
// Of a program whose runs are counted together, the loader puts each run elsewhere: only the places within pages tell.
static inline u64 native_key(struct scratch *s, const struct settings *conf, const struct pt_regs *regs,
			     const struct traced_process *p)
{
	bool is_moved = p->account != p->image && p->memory == p->image;
	u64 mask = is_moved ? 4095 : ~0ULL;
	struct place at = {.image = is_moved ? 0 : p->memory, .id = regs->ip};
	u64 sp = regs->sp, bp = regs->bp, key = mix(mix(conf->seed, regs->ip & mask), p->mapped_files);
	if (!is_moved)
		key = mix(key, sp);
	for (u32 i = 0; i < MAX_KEY_FRAMES; i++) {
		OPAQUE(i);
		struct return_place *place = return_places.lookup(&at);
		if (!place) {
			key = mix_likely_callers(s->window, key, regs->ip, sp, mask);
			break;
		}
		if (place->ending == PLACE_ENDING_LAST)
			break;
		if (place->ending == PLACE_ENDING_IN_RDI) {
			at.id = regs->di;
			key = mix(key, at.id);
			continue;
		}
		u64 cfa = (place->is_from_rbp ? bp : sp) + place->cfa_offset;
		u64 saved = cfa - 8 * (u64)place->saved_words, caller = 0;
		if (place->saved_words && bpf_probe_read_user(&bp, 8, (void *)saved))
			break;
		if (bpf_probe_read_user(&caller, 8, (void *)(cfa - 8)))
			break;
		key = mix(key, caller);
		at.id = caller;
		sp = cfa;
	}
	return key | 1;
}

// How much of a stack there is: that of the first thread ends at the program's arguments, that of another one at its
// struct pthread, where the C library put it (glibc nptl/allocatestack.c, musl src/thread/pthread_create.c).
static inline u64 stack_size(const struct settings *conf, u64 sp)
{
	u64 size = NATIVE_STACK_BYTES, mm = read_kernel_u64(bpf_get_current_task() + conf->task_mm);
	u64 start = read_kernel_u64(mm + conf->mm_start_stack) - sp, thread = fs_base(conf) - sp;
	if (start < size)
		size = start;
	if (thread < size)
		size = thread;
	return (size + 7) & ~7ULL;
}

// Copy page by page: a page that is not there ends the copy and no more.
static inline u32 copy_user_stack(struct native_stack_event *e, u64 sp, u64 limit)
{
	u64 at = 0, part = 4096 - (sp & 4095);
	for (u32 i = 0; i < NATIVE_STACK_BYTES / 4096 + 1; i++) {
		OPAQUE(i);
		u64 to = at, size = part > limit - at ? limit - at : part;
		OPAQUE(to);
		OPAQUE(size);
		if (to > NATIVE_STACK_BYTES - 4096 || size > 4096 || !size)
			break;
		if (bpf_probe_read_user(&e->data[to], size, (void *)(sp + to)))
			break;
		at = to + size;
		part = 4096;
	}
	return at;
}

static inline void take_registers(struct native_stack_event *e, const struct pt_regs *regs)
{
	e->rax = regs->ax;
	e->rdx = regs->dx;
	e->rcx = regs->cx;
	e->rbx = regs->bx;
	e->rsi = regs->si;
	e->rdi = regs->di;
	e->rbp = regs->bp;
	e->rsp = regs->sp;
	e->r8 = regs->r8;
	e->r9 = regs->r9;
	e->r10 = regs->r10;
	e->r11 = regs->r11;
	e->r12 = regs->r12;
	e->r13 = regs->r13;
	e->r14 = regs->r14;
	e->r15 = regs->r15;
	e->rip = regs->ip;
}

static inline struct native_stack_event *get_native(u32 tid)
{
	struct native_stack_event *e = native_by_thread.lookup(&tid);
	if (e)
		return e;
	u32 zero = 0;
	struct native_stack_event *empty = empty_native.lookup(&zero);
	if (!empty)
		return 0;
	native_by_thread.update(&tid, empty);
	return native_by_thread.lookup(&tid);
}

// Send the native stack of the act unless one like it was sent before.
static inline void describe_native(struct scratch *s, const struct settings *conf, const struct act *act)
{
	u64 id = act->native, both = told_id(act->image, mix(id, act->stack));
	if (!id || was_told(both))
		return;
	struct native_stack_event *e = get_native((u32)s->owner);
	if (!e) {
		count(SIGNAL_NATIVE_STACK, COUNTER_NO_SCRATCH);
		return;
	}
	const struct pt_regs *regs = &s->call.registers;
	fill_head(&e->head[0], s->owner, EVENT_KIND_NATIVE_STACK, act->image);
	e->native = id;
	e->stack = act->stack;
	take_registers(e, regs);
	u64 bytes = copy_user_stack(e, regs->sp, stack_size(conf, regs->sp));
	e->size_bytes = bytes;
	if (e->head[0].tid != (u32)s->owner || e->native != id) {
		count(SIGNAL_NATIVE_STACK, COUNTER_NO_SCRATCH); // recycled under us
		return;
	}
	u64 size_bytes = offsetof(struct native_stack_event, data) + bytes;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	if (stack_ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP)) {
		count(SIGNAL_NATIVE_STACK, COUNTER_RING_FULL);
		return;
	}
	count(SIGNAL_NATIVE_STACK, COUNTER_STORED);
	note_told(both);
}
