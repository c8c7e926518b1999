// Process and thread life: followed processes stay followed through fork and exec.

// The number of a task in its own PID namespace (struct pid: numbers[level]; struct upid is 16 bytes).
static inline u32 read_number(const struct settings *conf, u64 task)
{
	u64 pid = read_kernel_u64(task + conf->task_thread_pid);
	return read_kernel_u32(pid + conf->pid_numbers + (u64)read_kernel_u32(pid + conf->pid_level) * 16);
}

static inline void read_numbers(const struct settings *conf, u64 task, u32 *pid, u32 *tid)
{
	if (conf->namespace_inode) {
		*pid = read_number(conf, read_kernel_u64(task + conf->task_group_leader));
		*tid = read_number(conf, task);
	} else {
		*pid = read_kernel_u32(task + conf->task_tgid);
		*tid = read_kernel_u32(task + conf->task_pid);
	}
}

BPF_TABLE("lru_hash", u64, u64, program_runs, 4096); // by lineage

// What a process counts its acts under. The first runs of a program by the same call are told one by one; what further
// ones do is counted together, as when one call does the same again.
static inline u64 account_of(const struct settings *conf, u64 image, u64 lineage)
{
	u64 one = 1, *runs = program_runs.lookup(&lineage);
	if (!conf->aggregate)
		return image;
	if (!runs) {
		program_runs.update(&lineage, &one);
		return image;
	}
	if (*runs >= MAX_SINGLE_RUNS)
		return lineage;
	__sync_fetch_and_add(runs, 1);
	return image;
}

static inline void count_output(long error)
{
	count(SIGNAL_PROCESS, COUNTER_SEEN);
	count(SIGNAL_PROCESS, error ? COUNTER_RING_FULL : COUNTER_STORED);
}

// Tracepoint sched_process_fork (parent, child): a new process or a new thread.
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf), child = ctx->args[1];
	u32 pid = id >> 32;
	struct traced_process *parent = traced.lookup(&pid);
	if (!parent)
		return 0;
	u32 child_pid, child_tid;
	read_numbers(conf, child, &child_pid, &child_tid);
	struct fork_event e = {.parent_image = parent->image, .parent_pid = pid, .parent_tid = (u32)id};
	u32 tid = id;
	struct scratch *s = scratch_by_thread.lookup(&tid);
	if (s && s->owner == id && s->call.is_open) {
		e.creator_account = s->call.key.account;
		e.creator_stack = s->call.key.stack;
		e.creator_arguments = s->call.key.arguments;
		e.creator_name = s->call.key.name;
		e.creator_native = s->call.key.native;
	}
	fill_head(&e.head[0], id, child_pid == pid ? EVENT_KIND_THREAD_START : EVENT_KIND_FORK, parent->image);
	e.head[0].tid = child_tid;
	e.head[0].pid = child_pid;
	if (child_pid != pid) {
		if (!conf->follow)
			return 0;
		u64 mm = read_kernel_u64(bpf_get_current_task() + conf->task_mm);
		struct traced_process fresh = {.image = new_image(), .base = parent->base, .layout = parent->layout};
		e.has_parents_memory = read_kernel_u64(child + conf->task_mm) == mm;
		fresh.account = fresh.memory = fresh.lineage = fresh.image;
		if (e.creator_name) {
			fresh.lineage = mix(mix(parent->lineage, e.creator_stack), e.creator_arguments);
			fresh.lineage = mix(mix(fresh.lineage, e.creator_name), e.creator_native);
		}
		if (e.has_parents_memory) {
			fresh.memory = parent->memory;
			fresh.mapped_files = parent->mapped_files;
			fresh.account = account_of(conf, fresh.image, fresh.lineage);
		}
		e.account = fresh.account;
		e.head[0].image = fresh.image;
		if (traced.update(&child_pid, &fresh))
			count(SIGNAL_PROCESS, COUNTER_TABLE_FULL);
	}
	count_output(ring.ringbuf_output(&e, sizeof(e), BPF_RB_FORCE_WAKEUP));
	return 0;
}

// Tracepoint sched_process_exec (task, old pid, binprm): another program in the same process.
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf);
	u32 pid = id >> 32;
	struct traced_process *p = traced.lookup(&pid);
	struct scratch *s = p ? get_scratch(id) : 0;
	if (!s) {
		if (p)
			count(SIGNAL_PROCESS, COUNTER_LOST);
		return 0;
	}
	struct exec_event *e = (struct exec_event *)&s->act;
	u64 previous = p->image, mm = read_kernel_u64(ctx->args[0] + conf->task_mm);
	u64 inode = read_kernel_u64(read_kernel_u64(ctx->args[2] + conf->binprm_file) + conf->file_inode);
	u64 start = read_kernel_u64(mm + conf->mm_arg_start), end = read_kernel_u64(mm + conf->mm_arg_end);
	p->image = p->memory = new_image();
	p->lineage = mix(mix(p->lineage, inode), read_kernel_u64(inode + conf->inode_number));
	p->account = account_of(conf, p->image, p->lineage);
	p->mapped_files = 0;
	p->base = 0;
	p->layout = ABSENT;
	s->pending_object = 0;
	s->act.name_address = 0; // what lies there now is another program's
	s->act.format_address = 0;
	s->pending_import_count = 0;
	fill_head(&e->head[0], id, EVENT_KIND_EXEC, p->image);
	e->previous_image = previous;
	e->account = p->account;
	const struct act_key none = {}, *call = s->call.is_open ? &s->call.key : &none;
	e->creator_account = call->account;
	e->creator_stack = call->stack;
	e->creator_arguments = call->arguments;
	e->creator_name = call->name;
	e->creator_native = call->native;
	e->inode = read_kernel_u64(inode + conf->inode_number);
	e->arguments_bytes = end - start;
	e->file[0] = 0;
	bpf_probe_read_kernel_str(e->file, NAME_BYTES, (void *)read_kernel_u64(ctx->args[2] + conf->binprm_filename));
	u64 size = end - start;
	u32 stored = size > DATA_BYTES - 1 ? DATA_BYTES - 1 : size;
	BOUND(stored, DATA_BYTES - 1);
	if (stored && bpf_probe_read_user(e->data, stored, (void *)start))
		stored = 0;
	e->arguments_stored = stored;
	u64 size_bytes = offsetof(struct exec_event, data) + stored;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	count_output(ring.ringbuf_output(e, size_bytes, BPF_RB_FORCE_WAKEUP));
	return 0;
}

// Tracepoint sched_process_exit (task): a thread, and with the last one the process.
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf);
	u32 pid = id >> 32, tid = id;
	struct traced_process *p = traced.lookup(&pid);
	if (!p)
		return 0;
	u64 task = ctx->args[0], signal = read_kernel_u64(task + conf->task_signal);
	bool is_last = read_kernel_u32(signal + conf->signal_live) == 0;
	u32 status = read_kernel_u32(signal + conf->signal_group_exit_code);
	struct exit_event e = {};
	fill_head(&e.head[0], id, is_last ? EVENT_KIND_EXIT : EVENT_KIND_THREAD_EXIT, p->image);
	e.status = status ? status : read_kernel_u32(task + conf->task_exit_code);
	count_output(ring.ringbuf_output(&e, sizeof(e), BPF_RB_FORCE_WAKEUP));
	scratch_by_thread.delete(&tid);
	if (is_last)
		traced.delete(&pid);
	return 0;
}
