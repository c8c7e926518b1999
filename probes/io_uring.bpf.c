// Operations of io_uring, which never pass the system calls of their names. The request was prepared already: paths and
// addresses are the kernel's own copies.

BPF_ARRAY(operation_rules, struct operation_rule, MAX_OPERATIONS);
BPF_ARRAY(operation_places, struct operation_places, 1);

#define NO_ARGUMENT 255

static inline u64 read_request(u64 request, u32 offset)
{
	return offset == NO_ARGUMENT ? 0 : read_kernel_u64(request + offset);
}

// A path in a struct filename, and the folder it starts from: two slots.
static inline void take_filename(struct scratch *s, const struct settings *conf, const struct operation_places *places,
				 u64 filename, u32 descriptor, u32 number)
{
	u32 offset, slot = *(volatile u32 *)&s->argument_count;
	u8 *to = data_end(s, &offset);
	add_argument(s, ARGUMENT_KIND_NULL, 0, 0);
	add_argument(s, ARGUMENT_KIND_NULL, 0, 0);
	if (!filename)
		return;
	long got = bpf_probe_read_kernel_str(to, TEXT_BYTES, (void *)read_kernel_u64(filename + places->filename)) - 1;
	FORGET();
	if (got < 0)
		return;
	if (got == TEXT_BYTES - 1)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	OPAQUE(slot);
	if (slot >= MAX_ARGUMENTS - 1)
		return;
	struct argument *a = argument_at(s, slot);
	a->kind = ARGUMENT_KIND_C_STRING;
	a->offset = offset;
	a->length = got;
	a->value = got;
	*(volatile u32 *)&s->data_bytes = offset + (u32)got;
	if (*to == '/')
		return;
	begin_folder(s, conf, descriptor);
	u64 identity = keep_folder(s, conf, number);
	if (!identity)
		return;
	a = argument_at(s, slot + 1);
	a->kind = ARGUMENT_KIND_FOLDER;
	a->value = identity;
	a->length = number & 1;
}

// Where the kernel's copy of an address lies. Some kernels (6.18.44) keep it alone, others at the end of a struct
// io_async_msghdr, which begins with 0 or a pointer to an array.
static inline u64 find_address_copy(const struct operation_places *places, u64 request)
{
	u64 extra = places->extra_address == ABSENT ? 0 : read_kernel_u64(request + places->extra);
	u64 first = extra ? read_kernel_u64(extra) : 0;
	bool is_alone = first && ((first & 7) || first >> 48 != 0xffff);
	return !extra || is_alone ? extra : extra + places->extra_address;
}

// The address that an operation connects or binds to: the kernel's copy, else the user's.
static inline void take_operation_address(struct scratch *s, const struct operation_rule *rule,
					  const struct operation_places *places, u64 request)
{
	u32 offset;
	u8 *to = data_end(s, &offset);
	u64 copy = find_address_copy(places, request);
	u64 user = read_request(request, rule->address);
	bool is_read = copy && !bpf_probe_read_kernel(to, 112, (void *)copy);
	if (!is_read && user)
		is_read = !bpf_probe_read_user(to, 28, (void *)user) || !bpf_probe_read_user(to, 16, (void *)user);
	add_argument(s, ARGUMENT_KIND_NULL, 0, 0);
	if (!is_read)
		return;
	u32 slot = *(volatile u32 *)&s->argument_count - 1;
	OPAQUE(slot);
	if (slot >= MAX_ARGUMENTS)
		return;
	u32 family = *(u16 *)to;
	struct argument *a = argument_at(s, slot);
	a->kind = ARGUMENT_KIND_ADDRESS;
	a->offset = offset;
	a->value = family == 2 ? 16 : family == 10 ? 28 : 110;
	a->length = a->value;
	*(volatile u32 *)&s->data_bytes = offset + 112;
}

static inline void take_operation(struct scratch *s, const struct settings *conf, const struct operation_rule *rule,
				  const struct operation_places *places, u64 request)
{
	u32 descriptor = read_kernel_u32(request + places->descriptor);
	s->call.arguments[7] = descriptor; // of no system call
	if (rule->has_peer)
		take_socket(s, conf, descriptor, 7);
	else
		add_argument(s, ARGUMENT_KIND_LATE, identity_of(conf, descriptor), 7);
	FORGET();
	take_filename(s, conf, places, read_request(request, rule->path), read_request(request, rule->folder), 0);
	FORGET();
	take_filename(s, conf, places, read_request(request, rule->path2), read_request(request, rule->folder2), 1);
	FORGET();
	if (rule->address != NO_ARGUMENT)
		take_operation_address(s, rule, places, request);
	FORGET();
}

// Raw tracepoint io_uring_submit_req, before Linux 6.3 io_uring_submit_sqe (struct io_kiocb *): in the thread that
// submits, or in the ring's own kernel thread (SQPOLL), which belongs to the process.
int on_operation(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	const struct operation_places *places = operation_places.lookup(&zero);
	if (!conf || !places)
		return 0;
	u64 id = current_id(conf), request = ctx->args[0];
	u32 pid = id >> 32;
	struct traced_process *p = traced.lookup(&pid);
	if (!p || p->image <= CALIBRATION_IMAGE)
		return 0;
	u32 operation = read_kernel_u32(request + places->opcode) & 0xff;
	const struct operation_rule *rule = operation_rules.lookup(&operation);
	if (!rule || !rule->is_wanted)
		return 0;
	u32 layout = MAX_LAYOUTS - 1;
	const struct kernel_layout *l = layouts.lookup(&layout);
	struct scratch *s = get_scratch(id);
	count(SIGNAL_IO_URING, COUNTER_SEEN);
	if (!s || !l) {
		count(SIGNAL_IO_URING, COUNTER_LOST);
		return 0;
	}
	u32 frames = s->frame_count;
	begin_call(s, p, operation, 0, SIGNAL_IO_URING);
	s->frame_count = frames;
	if (s->call.is_open) { // the call that submits: its stacks were walked a moment ago
		s->current.stack = s->call.key.stack;
		s->current.native = s->call.key.native;
	}
	add_argument(s, ARGUMENT_KIND_RAW, read_kernel_u64(request + places->ring), 0);
	FORGET();
	take_operation(s, conf, rule, places, request);
	record_act(s, conf, l, SOURCE_OPERATION);
	return 0;
}

// Raw tracepoint io_uring_create (descriptor, ring, ...): within io_uring_setup.
int on_ring(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf);
	u32 tid = id;
	struct scratch *s = scratch_by_thread.lookup(&tid);
	if (s && s->owner == id && s->call.is_open)
		s->call.made = ctx->args[1];
	return 0;
}
