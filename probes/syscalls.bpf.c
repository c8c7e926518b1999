// System calls of followed processes, by raw tracepoints; which are wanted, and their arguments: struct syscall_rule.

struct syscall_count_key {
	u64 image;
	u64 index;
};

BPF_ARRAY(syscall_rules, struct syscall_rule, MAX_SYSCALLS);
BPF_TABLE("lru_hash", struct syscall_count_key, u64, syscall_counts, 32768);

// The index of the rule of a call, and by which table it came: x32 marks its numbers with bit 30; a call through the
// 32-bit gate is known by TS_COMPAT (arch/x86/include/asm/thread_info.h).
static inline u32 syscall_index(const struct settings *conf, u64 number, u32 *flags)
{
	u32 index = number;
	*flags = 0;
	if (read_kernel_u32(bpf_get_current_task() + conf->task_thread_status) & 2) {
		*flags = EVENT_FLAG_IS_I386;
		return index < MAX_SYSCALLS - I386_SYSCALLS ? I386_SYSCALLS + index : MAX_SYSCALLS;
	}
	if (index & 0x40000000) {
		*flags = EVENT_FLAG_IS_X32;
		index &= ~0x40000000;
	}
	return index < I386_SYSCALLS ? index : MAX_SYSCALLS;
}

static inline void take_call_registers(struct system_call *call, u32 flags)
{
	const struct pt_regs *regs = &call->registers;
	if (flags & EVENT_FLAG_IS_I386) {
		call->arguments[0] = (u32)regs->bx;
		call->arguments[1] = (u32)regs->cx;
		call->arguments[2] = (u32)regs->dx;
		call->arguments[3] = (u32)regs->si;
		call->arguments[4] = (u32)regs->di;
		call->arguments[5] = (u32)regs->bp;
	} else {
		call->arguments[0] = regs->di;
		call->arguments[1] = regs->si;
		call->arguments[2] = regs->dx;
		call->arguments[3] = regs->r10;
		call->arguments[4] = regs->r8;
		call->arguments[5] = regs->r9;
	}
	call->arguments[6] = 0;
}

static inline void count_call(u64 image, u32 index)
{
	struct syscall_count_key key = {.image = image, .index = index};
	u64 one = 1, *known = syscall_counts.lookup(&key);
	if (known)
		__sync_fetch_and_add(known, 1);
	else
		syscall_counts.update(&key, &one);
}

// Look at single registers before all are copied: most calls of these numbers are not wanted.
static inline bool is_wanted(const struct settings *conf, u32 rule_flags, u64 registers, bool is_i386)
{
	if (rule_flags & SYSCALL_FLAG_ONLY_EXECUTABLE)
		return read_kernel_u64(registers + offsetof(struct pt_regs, dx)) & 4; // PROT_EXEC
	if (!(rule_flags & SYSCALL_FLAG_ONLY_SOCKET))
		return true;
	u64 first = is_i386 ? offsetof(struct pt_regs, bx) : offsetof(struct pt_regs, di);
	u64 file = file_of(conf, read_kernel_u64(registers + first));
	return file && is_socket(conf, file);
}

static inline void begin_call(struct scratch *s, const struct traced_process *p, u32 index, u32 flags)
{
	struct act *act = &s->current;
	fill_head(&s->act.head[0], s->owner, EVENT_KIND_ACT, p->image);
	s->act.head[0].flags = flags;
	s->argument_count = 0;
	s->data_bytes = 0;
	forget_name(s);
	act->image = p->image;
	act->base = p->base;
	act->name = 1ULL << 32 | flags << 12 | index;
	act->stack = 0;
	act->state = 0;
	act->site = index;
	act->layout = p->layout;
	act->freed_codes = p->freed_codes;
	act->signal = SIGNAL_SYSCALL;
}

// Walk the Python stack of the thread, if it has one.
static inline void walk_python(struct scratch *s, const struct settings *conf, const struct kernel_layout *l)
{
	struct act *act = &s->current;
	if (l->frame_block_size)
		act->state = thread_state(conf, l, act->base, false);
	FORGET();
	if (act->state)
		act->stack = walk_frames(s, conf, l, act->state, SIGNAL_SYSCALL);
	else
		*(volatile u32 *)&s->frame_count = 0;
	FORGET();
}

static inline void open_call(struct scratch *s, u32 rule_flags, bool is_sent)
{
	struct system_call *call = &s->call;
	const struct act *act = &s->current;
	call->key.image = act->image;
	call->key.stack = act->stack;
	call->key.arguments = act->hash;
	call->key.name = act->name;
	call->key.native = act->native;
	call->key.signal = SIGNAL_SYSCALL;
	call->rule_flags = rule_flags;
	call->is_sent = is_sent;
	call->is_open = 1;
}

// Raw tracepoint sys_enter (registers, number).
int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0, flags;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf);
	u32 pid = id >> 32;
	struct traced_process *p = traced.lookup(&pid);
	if (!p || p->image == LAUNCH_IMAGE)
		return 0;
	u32 index = syscall_index(conf, ctx->args[1], &flags);
	const struct syscall_rule *rule = syscall_rules.lookup(&index);
	if (!rule || !rule->flags)
		return 0;
	u32 rule_flags = rule->flags;
	if (rule_flags & SYSCALL_FLAG_IS_COUNTED) {
		count_call(p->image, index);
		return 0;
	}
	if (!is_wanted(conf, rule_flags, ctx->args[0], flags & EVENT_FLAG_IS_I386))
		return 0;
	u32 layout = p->layout == ABSENT ? MAX_LAYOUTS - 1 : p->layout; // the last layout is empty: no Python
	const struct kernel_layout *l = layouts.lookup(&layout);
	struct scratch *s = get_scratch(id);
	count(SIGNAL_SYSCALL, COUNTER_SEEN);
	if (!s || !l) {
		count(SIGNAL_SYSCALL, COUNTER_LOST);
		return 0;
	}
	bpf_probe_read_kernel(&s->call.registers, sizeof(s->call.registers), (void *)ctx->args[0]);
	s->call.flags = flags;
	take_call_registers(&s->call, flags);
	begin_call(s, p, index, flags);
	s->current.native = native_key(conf, &s->call.registers);
	FORGET();
	take_arguments(s, conf, rule);
	walk_python(s, conf, l);
	open_call(s, rule_flags, record_act(s, conf, l, SOURCE_SYSCALL));
	return 0;
}

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
	fill_head(&e->head[0], id, EVENT_KIND_SYSCALL_RESULT, key->image);
	e->stack = key->stack;
	e->arguments_hash = key->arguments;
	e->name = key->name;
	e->native = key->native;
	e->signal = key->signal;
	e->result = result;
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
	struct place key = {.image = p->image, .id = mix(mix(conf->seed, handler), ctx->args[0])};
	u8 yes = 1;
	if (known_native.lookup(&key))
		return 0;
	struct signal_delivery_event e = {.handler = handler, .number = ctx->args[0]};
	fill_head(&e.head[0], id, EVENT_KIND_SIGNAL_DELIVERY, p->image);
	if (!ring.ringbuf_output(&e, sizeof(e), BPF_RB_NO_WAKEUP))
		known_native.update(&key, &yes);
	return 0;
}
