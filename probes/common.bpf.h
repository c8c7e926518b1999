// Which processes are followed, the maps, the ring buffer, counters.

// Which addresses may be in code_generations, and at which code objects were met at all: a look at one byte spares most
// look-ups. What threads have kept of code objects, by place, is void once another epoch has begun there: one was
// freed.
struct freed_places {
	u8 is_freed[65536];
	u8 is_met[65536];
	u32 epochs[KEPT_CODES];
};

// Acts that differ in their arguments, or in their native stacks, by hash.
struct variant {
	u32 tag; // of whose they are
	u32 seen;
};

BPF_ARRAY(settings, struct settings, 1);
BPF_ARRAY(layouts, struct kernel_layout, MAX_LAYOUTS);
BPF_ARRAY(sites, struct site, MAX_SITES);
BPF_HASH(traced, u32, struct traced_process, MAX_PROCESSES);
BPF_TABLE("lru_hash", u32, struct scratch, scratch_by_thread, 512);
BPF_ARRAY(empty_scratch, struct scratch, 1);
BPF_HASH(acts, struct act_key, struct act_count, MAX_ACTS);
BPF_ARRAY(variants, struct variant, 65536);
BPF_ARRAY(told, u64, 65536); // stacks and signal handlers, by hash
BPF_TABLE("lru_hash", struct place, u32, known_codes, 65536);
BPF_TABLE("lru_hash", struct place, u32, unclaimed_codes, 4096); // made, but no act was given them
#define IS_DESCRIBED (1U << 31)
BPF_HASH(named_codes, struct place, u32, MAX_FUNCTIONS); // addresses of functions: generation, and IS_DESCRIBED
BPF_TABLE("lru_hash", struct place, u32, code_generations, 16384); // of addresses where known code objects were freed
BPF_ARRAY(freed_places, struct freed_places, 1);
BPF_HASH(denials, u64, u64, 1024); // acts by name: the signal that answers them, from bit 32 on how often it was sent
BPF_PERCPU_ARRAY(counters, u64, 512); // signal * 32 + counter
BPF_RINGBUF_OUTPUT(ring, 4096); // the loader sets the size

struct namespace_id;
// BPF_FUNC_get_ns_current_pid_tgid, Linux 5.7
static long (*get_ns_current_pid_tgid)(u64 device, u64 inode, struct namespace_id *id, u32 size) = (void *)120;
static long (*send_signal)(u32 number) = (void *)109; // BPF_FUNC_send_signal, Linux 5.3
static u64 (*get_attach_cookie)(void *ctx) = (void *)174; // BPF_FUNC_get_attach_cookie, Linux 5.15

static inline void count(u32 signal, u32 what)
{
	u32 index = signal * 32 + what;
	u64 *value = counters.lookup(&index);
	if (value)
		__sync_fetch_and_add(value, 1);
}

static inline struct scratch *get_scratch(u64 id)
{
	u32 tid = id;
	struct scratch *s = scratch_by_thread.lookup(&tid);
	if (s && s->owner == id)
		return s;
	u32 zero = 0;
	struct scratch *empty = empty_scratch.lookup(&zero);
	if (!empty)
		return 0;
	scratch_by_thread.update(&tid, empty);
	s = scratch_by_thread.lookup(&tid);
	if (s)
		s->owner = id;
	return s;
}

struct namespace_id {
	u32 tid, pid; // struct bpf_pidns_info
};

// The calling thread's pid and tid as /proc shows them to us, who may be in a container; 0: not in our namespace.
static inline u64 current_id(const struct settings *conf)
{
	struct namespace_id id = {};
	if (!conf->namespace_inode)
		return bpf_get_current_pid_tgid();
	if (get_ns_current_pid_tgid(conf->namespace_device, conf->namespace_inode, &id, sizeof(id)))
		return 0;
	return (u64)id.pid << 32 | id.tid;
}

static inline void fill_head(struct event *head, u64 id, u32 kind, u64 image)
{
	head->kind = kind;
	head->flags = 0;
	head->cpu = bpf_get_smp_processor_id();
	head->time_ns = bpf_ktime_get_ns();
	head->pid = id >> 32;
	head->tid = (u32)id;
	head->image = image;
}

// A number for a process image that no other image of this boot has.
static inline u64 new_image(void)
{
	return (bpf_ktime_get_ns() << 8) | (bpf_get_smp_processor_id() & 0xff);
}

static inline u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

// What was told of an image, as one number.
static inline u64 told_id(u64 image, u64 id)
{
	return mix(mix(image, id), id >> 32) | 1;
}

// Whether it was told. Tables by hash, one entry to a place: what is pushed out is told again, and an entry costs the
// target a third of what one of the kernel's tables with a memory for age would.
static inline bool was_told(u64 id)
{
	u32 place = id >> 48;
	u64 *known = told.lookup(&place);
	return known && *known == id;
}

static inline void note_told(u64 id)
{
	u32 place = id >> 48;
	u64 *known = told.lookup(&place);
	if (known)
		*known = id;
}

// Sites of the interpreter know their layout; the process learns its load bias from them.
static inline void learn_base(struct traced_process *p, const struct site *site, u64 ip)
{
	u64 base = ip - site->address;
	if (p->base != base || p->layout != site->layout) {
		p->base = base;
		p->layout = site->layout;
		if (p->memory == p->image) // what Python programs do is told of each
			p->account = p->image;
	}
}
