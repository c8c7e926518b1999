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

static inline u64 first_argument(u64 registers, bool is_i386)
{
	u64 first = is_i386 ? offsetof(struct pt_regs, bx) : offsetof(struct pt_regs, di);
	return read_kernel_u64(registers + first);
}

// Look at single registers before all are copied: most calls of these numbers are not wanted.
#define SYSCALL_MMAP 9 // in x86-64's table

static inline bool is_wanted(const struct settings *conf, u32 rule_flags, u64 registers, bool is_i386)
{
	if (rule_flags & SYSCALL_FLAG_ONLY_EXECUTABLE)
		return read_kernel_u64(registers + offsetof(struct pt_regs, dx)) & 4; // PROT_EXEC
	if (!(rule_flags & SYSCALL_FLAG_ONLY_SOCKET))
		return true;
	u64 file = file_of(conf, first_argument(registers, is_i386));
	return file && is_socket(conf, file);
}

static inline void begin_call(struct scratch *s, const struct traced_process *p, u32 index, u32 flags, u32 signal)
{
	struct act *act = &s->current;
	fill_head(&s->act.head[0], s->owner, EVENT_KIND_ACT, p->image);
	s->act.head[0].flags = flags;
	s->argument_count = 0;
	s->data_bytes = 0;
	forget_name(s);
	act->image = p->image;
	act->account = p->account;
	act->base = p->base;
	act->name = (u64)signal << 32 | flags << 12 | index;
	act->stack = 0;
	act->state = 0;
	act->site = index;
	act->layout = p->layout;
	act->signal = signal;
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
	call->image = act->image;
	call->key.account = act->account;
	call->key.stack = act->stack;
	call->key.arguments = act->hash;
	call->key.name = act->name;
	call->key.native = act->native;
	call->key.signal = SIGNAL_SYSCALL;
	call->rule_flags = rule_flags;
	call->is_sent = is_sent;
	call->made = 0;
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
	if (!p || p->image <= CALIBRATION_IMAGE)
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
	if (index == SYSCALL_MMAP && (s32)read_kernel_u64(ctx->args[0] + offsetof(struct pt_regs, r8)) >= 0)
		__sync_fetch_and_add(&p->mapped_files, 1);
	if (rule_flags & SYSCALL_FLAG_IS_ACCEPTING)
		note_accepting(conf, first_argument(ctx->args[0], flags & EVENT_FLAG_IS_I386));
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
	begin_call(s, p, index, flags, SIGNAL_SYSCALL);
	s->current.native = native_key(s, conf, &s->call.registers, p);
	FORGET();
	take_arguments(s, conf, rule);
	walk_python(s, conf, l);
	open_call(s, rule_flags, record_act(s, conf, l, SOURCE_SYSCALL));
	return 0;
}
