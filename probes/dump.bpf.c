// Registers and scheduling facts of threads, for `pyxhon dump`: an iterator over tasks (Linux 5.8; 5.15 for the
// registers)

BPF_ARRAY(thread_offsets, struct thread_offsets, 1);

static long (*seq_write)(u64 file, const void *data, u32 size) = (void *)127; // BPF_FUNC_seq_write
static u64 (*task_pt_regs)(u64 task) = (void *)175; // BPF_FUNC_task_pt_regs

static inline u64 word_at(u64 address)
{
	u64 value = 0;
	bpf_probe_read_kernel(&value, 8, (void *)address);
	return value;
}

static inline u32 half_at(u64 address)
{
	u32 value = 0;
	bpf_probe_read_kernel(&value, 4, (void *)address);
	return value;
}

// The number of a task in the PID namespace of that depth; 0: it has none there (struct upid is 16 bytes).
static inline u32 number_at(const struct thread_offsets *at, u64 task, u32 level)
{
	u64 pid = word_at(task + at->task_thread_pid);
	if (level > half_at(pid + at->pid_level))
		return 0;
	return half_at(pid + at->pid_numbers + (u64)level * 16);
}

static inline u32 level_of(const struct thread_offsets *at, u64 task)
{
	return half_at(word_at(task + at->task_thread_pid) + at->pid_level);
}

// context: struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; }
int on_task(u64 *context)
{
	u64 meta = context[0], task = context[1];
	u32 zero = 0;
	struct thread_offsets *at = thread_offsets.lookup(&zero);
	struct thread_registers thread = {};
	if (!task || !at)
		return 0;
	u64 file = *(u64 *)meta, registers = task_pt_regs(task); // struct bpf_iter_meta: seq
	u64 address = 0;
	bpf_probe_read_kernel(&address, 8, &context[1]); // the same as a plain number
	u32 ours = level_of(at, bpf_get_current_task());
	thread.pid = number_at(at, word_at(address + at->task_group_leader), ours);
	thread.tid = number_at(at, address, ours);
	thread.own_tid = number_at(at, address, level_of(at, address));
	thread.on_cpu = half_at(address + at->task_on_cpu) & 255; // an int or, in newer kernels, a byte; 0 or 1
	thread.voluntary_switches = word_at(address + at->task_nvcsw);
	thread.involuntary_switches = word_at(address + at->task_nivcsw);
	thread.fs_base = word_at(address + at->task_fsbase);
	if (registers)
		bpf_probe_read_kernel(thread.registers, sizeof(thread.registers), (void *)registers);
	seq_write(file, &thread, sizeof(thread));
	return 0;
}
