// First executions of functions, and the calibration of entry sites.

// The frame that the thread state names: at RESUME it is that of the function entered, from 3.11 on.
static inline u64 current_frame(struct scratch *s, const struct hit *h)
{
	u64 state = thread_state(h->conf, h->l, h->p->base, true);
	if (!state)
		return 0;
	find_first_frame(s, h->l, state);
	return s->walk.frame;
}

// --calls seen: at the plain RESUME, which the interpreter replaces once it has been executed.
int on_seen(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s) {
		count(SIGNAL_FUNCTION, COUNTER_NO_SCRATCH);
		return 0;
	}
	e.frame = current_frame(s, &h);
	FORGET();
	if (!take_entry(&e, h.l, h.site))
		return 0;
	struct function *f = &e.function;
	u32 opcode = e.word & 0xff;
	if (opcode != (h.l->resume_opcodes & 0xff) && opcode != (h.l->resume_opcodes >> 8 & 0xff) &&
	    opcode != (h.l->resume_opcodes >> 16 & 0xff) && opcode != h.l->resume_opcodes >> 24) {
		count(SIGNAL_FUNCTION, COUNTER_UNMATCHED); // no RESUME is executed here: the site is wrong
		return 0;
	}
	f->generation = generation_of(h.freed, h.p->image, f->code);
	if (is_named(h.p->image, f->code, f->generation))
		return 0;
	f->caller = code_of_caller(h.l, f->caller);
	f->caller_generation = f->caller ? generation_of(h.freed, h.p->image, f->caller) : 0;
	FORGET();
	if (!name_both(s, &h, f))
		count(SIGNAL_FUNCTION, COUNTER_LOST);
	return 0;
}

// A hit while sites are calibrated on a program of ours: what is entered, and where its frame can be found.
int on_calibration(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	struct hit_event *event;
	u64 word;
	if (!begin_hit(&h, ctx, true))
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s)
		return 0;
	if (h.l->instruction_mask)
		e.frame = current_frame(s, &h);
	else
		find_entry(&e, ctx, &h);
	FORGET();
	event = (struct hit_event *)&s->code;
	fill_head(&event->head[0], s->owner, EVENT_KIND_HIT, h.p->image);
	event->registers = 0;
	event->slots = 0;
	event->site = get_attach_cookie(ctx);
	event->is_entry = take_entry(&e, h.l, h.site);
	event->code = e.function.code;
	event->is_resumption = e.is_resumption;
	event->opcode = e.word & 0xff;
	for (u32 i = 0; i < 15; i++) {
		bpf_probe_read_kernel(&word, 8, (void *)((u64)ctx + i * 8));
		event->registers |= is_equal(word, e.frame) << i;
	}
	for (u32 i = 0; i < CALIBRATION_SLOTS; i++) {
		word = 0;
		bpf_probe_read_user(&word, 8, (void *)(ctx->sp + i * 8));
		event->slots |= is_equal(word, e.frame) << i;
	}
	if (ring.ringbuf_output(event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SIGNAL_FUNCTION, COUNTER_RING_FULL);
	return 0;
}
