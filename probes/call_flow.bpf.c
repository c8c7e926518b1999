// --calls trace: every entry of a Python function and, where they are seen, every exit; sites: cpython/entry_sites.py,
// cpython/eval_exits.py.

// The last entry of each thread, from 3.12 on: see is_again.
BPF_TABLE("lru_hash", u64, struct call_count, last_entries, 8192);

static inline void send_flow(struct flow_event *event)
{
	if (ring.ringbuf_output(event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SIGNAL_FUNCTION, COUNTER_LOST);
}

static inline bool was_sent(const struct entry *e, const struct hit *h)
{
	if (h->l->code_instrumentation_version == ABSENT)
		return false;
	u64 id = h->id;
	struct call_count *last = last_entries.lookup(&id);
	if (last)
		return is_again(last, e, h->l);
	struct call_count fresh = {};
	is_again(&fresh, e, h->l);
	last_entries.update(&id, &fresh);
	return false;
}

int on_flow_entry(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	struct flow_event event = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	find_entry(&e, ctx, &h);
	if (!take_entry(&e, h.l, h.site))
		return 0;
	struct function *f = &e.function;
	u64 image = h.p->image;
	f->caller = code_of_caller(h.l, f->caller);
	if (was_sent(&e, &h))
		return 0;
	take_generations(f, h.freed, image);
	if (!is_named(image, f->code, f->generation) ||
	    (f->caller && !is_named(image, f->caller, f->caller_generation))) {
		struct scratch *s = get_scratch(h.id);
		if (s)
			name_both(s, &h, f);
		FORGET();
	}
	fill_head(&event.head[0], h.id, EVENT_KIND_FLOW, image);
	event.code = f->code;
	event.caller = f->caller;
	event.frame = e.frame;
	event.generation = f->generation;
	event.caller_generation = f->caller_generation;
	event.what = e.is_resumption ? FLOW_KIND_RESUME : FLOW_KIND_START;
	send_flow(&event);
	return 0;
}

// What builds an object runs in a frame of its own, which no RESUME enters and no monitoring tool is told of (3.13,
// Python/specialize.c, _Py_InitCleanup): co_flags has CO_NO_MONITORING_EVENTS.
static inline bool is_told(const struct kernel_layout *l, u64 code)
{
	u32 flags = 0;
	bpf_probe_read_user(&flags, 4, (void *)(code + l->code_flags));
	return !(flags & 0x2000000);
}

// The opcode that the evaluation loop ended with, up to 3.10: f_lasti is an offset into co_code, a bytes object.
static inline u32 last_opcode(const struct hit *h, u64 code, s32 last)
{
	u64 bytecode = 0;
	u8 opcode = 0;
	if (h->site->flags & ENTRY_FLAG_INSTRUCTION_IN_WORDS)
		last *= 2;
	bpf_probe_read_user(&bytecode, 8, (void *)(code + h->site->stack_adjust));
	bpf_probe_read_user(&opcode, 1, (void *)(bytecode + h->l->bytes_data + last));
	return opcode;
}

// Take what leaves a frame; false where nothing does.
static inline bool take_exit(struct flow_event *event, struct pt_regs *ctx, const struct hit *h)
{
	u64 block[BLOCK_BYTES / 8] = {}, word = 0;
	u32 kind = h->site->kind;
	u64 first = ctx->di, second = ctx->si, third = ctx->dx;
	OPAQUE(first); // the verifier refuses a place in ctx that depends on flags
	OPAQUE(second);
	OPAQUE(third);
	u64 result = h->site->flags & ENTRY_FLAG_RESULT_IN_RSI ? second : third;
	u64 callable = h->site->flags & ENTRY_FLAG_RESULT_IN_RSI ? first : second;
	if (kind == SITE_KIND_EXIT_EVAL && callable)
		return false; // it is the result of something that the loop called
	event->frame = kind == SITE_KIND_EXIT_DROP ? second : frame_at(ctx, h->site);
	if (!event->frame || read_frame(h->l, block, event->frame)) {
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	event->code = BLOCK_FIELD(block, u64, h->l->frame_code) & ~3ULL;
	event->generation = generation_of(h->freed, h->p->image, event->code);
	if (kind == SITE_KIND_EXIT_DROP) {
		if (!is_told(h->l, event->code))
			return false;
		bpf_probe_read_user(&word, 8, (void *)(first + h->site->stack_adjust));
		event->what = word ? FLOW_KIND_UNWIND : FLOW_KIND_RETURN;
	} else if (kind == SITE_KIND_EXIT_YIELD) {
		event->what = FLOW_KIND_YIELD;
	} else if (!result) {
		event->what = FLOW_KIND_UNWIND;
	} else {
		s32 last = BLOCK_FIELD(block, s32, h->l->frame_instruction);
		bool is_return = last_opcode(h, event->code, last) == h->site->opcode;
		event->what = is_return ? FLOW_KIND_RETURN : FLOW_KIND_YIELD;
	}
	return true;
}

int on_flow_exit(struct pt_regs *ctx)
{
	struct hit h;
	struct flow_event event = {};
	if (!begin_hit(&h, ctx, false) || !take_exit(&event, ctx, &h))
		return 0;
	struct function f = {.code = event.code, .generation = event.generation};
	if (!is_named(h.p->image, f.code, f.generation)) { // something was thrown into it before it had started
		struct scratch *s = get_scratch(h.id);
		if (s)
			name_both(s, &h, &f);
		FORGET();
	}
	fill_head(&event.head[0], h.id, EVENT_KIND_FLOW, h.p->image);
	send_flow(&event);
	return 0;
}

static inline bool take_exit_hit(struct exit_hit_event *event, struct pt_regs *ctx, const struct kernel_layout *l,
				 bool is_drop)
{
	u64 block[BLOCK_BYTES / 8] = {}, word;
	u16 instruction = 0;
	event->code = 0;
	if (is_drop && !read_frame(l, block, ctx->si)) {
		event->code = BLOCK_FIELD(block, u64, l->frame_code) & ~3ULL;
		if (!is_told(l, event->code))
			return false;
		bpf_probe_read_user(&instruction, 2, (void *)BLOCK_FIELD(block, u64, l->frame_instruction));
	}
	event->opcode = instruction & 0xff;
	event->state_words = 0;
	for (u32 i = 0; i < 64; i++) {
		word = 0;
		bpf_probe_read_user(&word, 8, (void *)(ctx->di + i * 8));
		event->state_words |= (is_equal(word, 0) ^ 1) << i;
	}
	bpf_probe_read_kernel(event->registers, sizeof(event->registers), ctx);
	bpf_probe_read_user(event->slots, sizeof(event->slots), (void *)ctx->sp);
	return true;
}

// A hit while exits are calibrated on a program of ours, whose entries are known.
int on_flow_calibration(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, true))
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s)
		return 0;
	struct exit_hit_event *event = (struct exit_hit_event *)&s->code;
	event->is_entry = h.site->kind == SITE_KIND_ENTRY;
	if (event->is_entry) {
		find_entry(&e, ctx, &h);
		if (!take_entry(&e, h.l, h.site))
			return 0;
		event->code = e.function.code;
	} else if (!take_exit_hit(event, ctx, h.l, h.site->kind == SITE_KIND_EXIT_DROP)) {
		return 0;
	}
	FORGET();
	fill_head(&event->head[0], s->owner, EVENT_KIND_EXIT_HIT, h.p->image);
	event->site = get_attach_cookie(ctx);
	event->frame = e.frame;
	event->is_resumption = e.is_resumption;
	if (ring.ringbuf_output(event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SIGNAL_FUNCTION, COUNTER_RING_FULL);
	return 0;
}
