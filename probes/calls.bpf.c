// Entries of Python functions; sites: cpython/entry_sites.py

BPF_HASH(call_counts, struct call_key, struct call_count, MAX_CALLS);

// Who enters what.
struct entry {
	u64 image;
	struct function function;
	u64 frame, instruction;
	u16 word; // of code: the opcode, then its argument
	u16 is_resumption;
	u32 is_thrown; // up to 3.10: an exception is thrown into a generator
};

// Take what is entered at a frame; false where it is no entry.
static inline bool take_entry(struct entry *e, const struct kernel_layout *l, const struct site *site)
{
	u64 block[BLOCK_BYTES / 8] = {};
	if (!e->frame || read_frame(l, block, e->frame)) {
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	e->function.code = BLOCK_FIELD(block, u64, l->frame_code) & ~3ULL;
	e->function.caller = BLOCK_FIELD(block, u64, l->frame_previous);
	e->instruction = BLOCK_FIELD(block, u64, l->frame_instruction);
	if (!l->instruction_mask) { // up to 3.10: f_lasti, -1 before the start
		e->is_resumption = (s32)e->instruction >= 0;
		return !e->is_thrown;
	}
	e->word = 0;
	if (bpf_probe_read_user(&e->word, 2, (void *)e->instruction)) {
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	u32 place = e->word >> 8 & l->resume_mask; // 0 start, 1 yield, 2 yield from, 3 await; 3.15: 4, none
	e->is_resumption = place != 0;
	if (place > 3)
		return false;
	if (site->opcode && (e->word & 0xff) != site->opcode) { // another opcode's body leads here, too
		count(SIGNAL_FUNCTION, COUNTER_DUPLICATE);
		return false;
	}
	return true;
}

static inline u64 version_of(const struct kernel_layout *l, u64 code)
{
	u64 version = 0;
	if (code)
		bpf_probe_read_user(&version, 8, (void *)(code + l->code_instrumentation_version));
	return version;
}

// When monitoring changes, code that is being executed is rewritten at once, so that a caller's is never out of date.
// Other code is when it is entered, by RESUME, which is then executed again (Python/instrumentation.c, 3.12 and later).
static inline bool is_again(struct call_count *known, const struct entry *e, const struct kernel_layout *l)
{
	if (l->code_instrumentation_version == ABSENT)
		return false;
	u64 version = version_of(l, e->function.code), caller = e->function.caller;
	bool is_same = known->is_outdated && known->frame == e->frame && known->instruction == e->instruction &&
		       known->version != version;
	known->frame = e->frame;
	known->instruction = e->instruction;
	known->version = version;
	known->is_outdated = !caller || version_of(l, caller) != version;
	return is_same;
}

static inline void count_entry(struct call_count *known, const struct entry *e)
{
	__sync_fetch_and_add(e->is_resumption ? &known->resumptions : &known->starts, 1);
}

// What one hit needs to know.
struct hit {
	const struct settings *conf;
	const struct site *site;
	const struct kernel_layout *l;
	const struct freed_places *freed;
	struct traced_process *p;
	u64 id;
};

static inline bool begin_hit(struct hit *h, struct pt_regs *ctx, bool is_calibration)
{
	u32 zero = 0, index = get_attach_cookie(ctx);
	h->conf = settings.lookup(&zero);
	if (!h->conf)
		return false;
	h->id = current_id(h->conf);
	u32 pid = h->id >> 32;
	h->p = traced.lookup(&pid);
	if (!h->p || h->p->image == LAUNCH_IMAGE || (h->p->image == CALIBRATION_IMAGE) != is_calibration)
		return false;
	h->site = sites.lookup(&index);
	h->freed = freed_places.lookup(&zero);
	if (!h->site || !h->freed)
		return false;
	learn_base(h->p, h->site, ctx->ip);
	u32 layout = h->site->layout;
	h->l = layouts.lookup(&layout);
	return h->l != 0;
}

// The frame where calibration has found it: in a register, or on the stack.
static inline u64 frame_at(struct pt_regs *ctx, const struct site *site)
{
	u64 frame = 0;
	if (site->flags & ENTRY_FLAG_FRAME_ON_STACK)
		bpf_probe_read_user(&frame, 8, (void *)(ctx->sp + site->stack_adjust));
	else
		bpf_probe_read_kernel(&frame, 8, (void *)((u64)ctx + (site->result_register & 15) * 8));
	return frame;
}

// Find the frame; up to 3.10 the argument after it is throwflag (Python/ceval.c, _PyEval_EvalFrameDefault).
static inline void find_entry(struct entry *e, struct pt_regs *ctx, const struct hit *h)
{
	e->frame = frame_at(ctx, h->site);
	if (h->site->flags & ENTRY_FLAG_THROW_IN_RSI)
		e->is_thrown = ctx->si;
	if (h->site->flags & ENTRY_FLAG_THROW_IN_RDX)
		e->is_thrown = ctx->dx;
}

// Describe what is entered and by whom, where that has not been done.
static inline bool name_both(struct scratch *s, const struct hit *h, const struct function *f)
{
	struct function caller = {.code = f->caller, .generation = f->caller_generation};
	u64 image = h->p->image;
	s->current.layout = h->site->layout;
	if (caller.code && !is_named(image, caller.code, caller.generation) && !name_function(s, h->l, image, &caller))
		return false;
	FORGET();
	return is_named(image, f->code, f->generation) || name_function(s, h->l, image, f);
}

static inline void take_generations(struct function *f, const struct freed_places *freed, u64 image)
{
	f->generation = generation_of(freed, image, f->code);
	f->caller_generation = f->caller ? generation_of(freed, image, f->caller) : 0;
}

// --calls count: every entry, by thread, function and caller.
int on_entry(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	find_entry(&e, ctx, &h);
	if (!take_entry(&e, h.l, h.site))
		return 0;
	struct function *f = &e.function;
	f->caller = code_of_caller(h.l, f->caller);
	take_generations(f, h.freed, h.p->image);
	struct call_key key = {.image = h.p->image,
			       .callee = f->code,
			       .caller = f->caller,
			       .tid = (u32)h.id,
			       .callee_generation = f->generation,
			       .caller_generation = f->caller_generation};
	struct call_count *known = call_counts.lookup(&key);
	if (!known) {
		struct call_count fresh = {.first_ns = bpf_ktime_get_ns()};
		call_counts.insert(&key, &fresh);
		known = call_counts.lookup(&key);
		if (!known) {
			count(SIGNAL_FUNCTION, COUNTER_TABLE_FULL);
			return 0;
		}
	}
	if (is_again(known, &e, h.l))
		return 0;
	count_entry(known, &e);
	if (!known->is_named) {
		struct scratch *s = get_scratch(h.id);
		if (s)
			known->is_named = name_both(s, &h, f);
	}
	return 0;
}
