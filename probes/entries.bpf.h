// What is entered at a site of Python functions; sites: cpython/entry_sites.py

// Who enters what.
struct entry {
	u64 image;
	struct function function;
	u64 frame, instruction;
	u16 word; // of code: the opcode, then its argument
	u16 is_resumption;
	u32 is_thrown; // up to 3.10: an exception is thrown into a generator
};

// Take what the frame entered says; false where it cannot be read. `block` is where to read it to.
static inline bool read_entry_by(struct entry *e, const struct kernel_layout *l, u64 *block)
{
	if (!e->frame || read_frame(l, block, e->frame)) {
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	e->function.code = BLOCK_FIELD(block, u64, l->frame_code) & ~3ULL;
	e->function.caller = BLOCK_FIELD(block, u64, l->frame_previous);
	e->instruction = BLOCK_FIELD(block, u64, l->frame_instruction);
	return true;
}

static inline bool read_entry(struct entry *e, const struct kernel_layout *l)
{
	u64 block[BLOCK_BYTES / 8] = {};
	return read_entry_by(e, l, block);
}

// Take whether it is a start or a resumption; false where it is no entry.
static inline bool judge_entry(struct entry *e, const struct kernel_layout *l, const struct site *site)
{
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

static inline bool take_entry(struct entry *e, const struct kernel_layout *l, const struct site *site)
{
	return read_entry(e, l) && judge_entry(e, l, site);
}

// What one hit needs to know.
struct hit {
	const struct settings *conf;
	const struct site *site;
	const struct kernel_layout *l;
	struct freed_places *freed;
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

// Read within each case: the verifier allows no index into the context.
#define IN_REGISTER(index, name)                                                                                       \
	case index:                                                                                                    \
		frame = ctx->name;                                                                                     \
		OPAQUE(frame);                                                                                         \
		break

// The frame where calibration has found it: in a register, or on the stack.
static inline u64 frame_at(struct pt_regs *ctx, const struct site *site)
{
	u64 frame = 0;
	if (site->flags & ENTRY_FLAG_FRAME_ON_STACK) {
		bpf_probe_read_user(&frame, 8, (void *)(ctx->sp + site->stack_adjust));
		return frame;
	}
	switch (site->result_register) { // the place in struct pt_regs; a call to read it costs more
		IN_REGISTER(0, r15);
		IN_REGISTER(1, r14);
		IN_REGISTER(2, r13);
		IN_REGISTER(3, r12);
		IN_REGISTER(4, bp);
		IN_REGISTER(5, bx);
		IN_REGISTER(6, r11);
		IN_REGISTER(7, r10);
		IN_REGISTER(8, r9);
		IN_REGISTER(9, r8);
		IN_REGISTER(10, ax);
		IN_REGISTER(11, cx);
		IN_REGISTER(12, dx);
		IN_REGISTER(13, si);
		IN_REGISTER(14, di);
	}
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
