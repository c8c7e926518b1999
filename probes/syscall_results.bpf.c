// How system calls end, and which signal handlers run.

static inline void read_again(struct scratch *s, struct syscall_result_event *e)
{
	e->argument_count = 0;
	e->data_bytes = 0;
	for (u32 i = 0; i < 2; i++) {
		OPAQUE(i);
		FORGET();
		if (i >= 2 || i >= s->call.unread_count)
			break;
		const struct unread *u = &s->call.unread[i];
		u32 at = *(volatile u32 *)&e->data_bytes, n = *(volatile u32 *)&e->argument_count;
		BOUND(at, TEXT_BYTES - 1);
		BOUND(n, 1);
		u64 size = u->length;
		BOUND(size, 127);
		long got = u->kind == ARGUMENT_KIND_C_STRING
				   ? bpf_probe_read_user_str(&e->data[at], TEXT_BYTES, (void *)u->address) - 1
			   : bpf_probe_read_user(&e->data[at], size, (void *)u->address) ? -1
											 : (long)size;
		FORGET();
		if (got < 0)
			continue;
		struct argument *a = &e->arguments[n];
		a->kind = u->kind;
		a->parent = u->slot;
		a->offset = at;
		a->length = got;
		a->value = got;
		e->data_bytes = at + (u32)got;
		e->argument_count = n + 1;
	}
}

static inline void send_result(struct scratch *s, u64 id, u64 result)
{
	// the act is sent or counted by now: its memory is free for this
	struct syscall_result_event *e = (struct syscall_result_event *)&s->act;
	const struct act_key *key = &s->call.key;
	fill_head(&e->head[0], id, EVENT_KIND_SYSCALL_RESULT, s->call.image);
	e->account = key->account;
	e->stack = key->stack;
	e->arguments_hash = key->arguments;
	e->name = key->name;
	e->native = key->native;
	e->signal = key->signal;
	e->result = result;
	e->made = s->call.made;
	read_again(s, e);
	u32 bytes = *(volatile u32 *)&e->data_bytes;
	u64 size_bytes = offsetof(struct syscall_result_event, data) + bytes;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	if (ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP))
		count(SIGNAL_SYSCALL, COUNTER_RING_FULL);
	s->act.name_address = 0; // what lies there now is no name
	s->act.format_address = 0;
}

// Raw tracepoint sys_exit (registers, result).
int on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf), result = ctx->args[1];
	u32 pid = id >> 32, tid = id;
	if (!traced.lookup(&pid))
		return 0;
	struct scratch *s = scratch_by_thread.lookup(&tid);
	if (!s || s->owner != id || !s->call.is_open)
		return 0;
	s->call.is_open = 0;
	if (result >= -4095ULL) {
		struct act_key key = s->call.key;
		struct act_count *known = acts.lookup(&key);
		if (known)
			__sync_fetch_and_add(&known->failed, 1);
	}
	FORGET();
	if (s->call.is_sent || (s->call.rule_flags & SYSCALL_FLAG_IS_MAKER && result < -4095ULL))
		send_result(s, id, result);
	return 0;
}

// Raw tracepoint signal_deliver (number, information, struct k_sigaction): a handler is about to run.
int on_signal(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf), handler = read_kernel_u64(ctx->args[2]);
	u32 pid = id >> 32;
	struct traced_process *p = traced.lookup(&pid);
	if (!p || handler < 2) // SIG_DFL, SIG_IGN
		return 0;
	u64 place = told_id(p->image, mix(mix(conf->seed, handler), ctx->args[0]));
	if (was_told(place))
		return 0;
	struct signal_delivery_event e = {.handler = handler, .number = ctx->args[0]};
	fill_head(&e.head[0], id, EVENT_KIND_SIGNAL_DELIVERY, p->image);
	if (!ring.ringbuf_output(&e, sizeof(e), BPF_RB_NO_WAKEUP))
		note_told(place);
	return 0;
}
