// Which processes are followed, the ring buffer, scratch memory, counters.

// Bound an index in the very instructions that the verifier sees: clang tests one copy of a value and uses another.
#define BOUND(value, mask) asm volatile("%0 &= %1" : "+r"(value) : "i"(mask))
// Keep clang from knowing a value, so that a test of it stays in the program.
#define OPAQUE(value) asm volatile("" : "+r"(value))

struct registers {
	u64 di, si, dx, cx, r8, r9, sp;
	u64 result; // of the function just called, at a site that has one
};

// What is being described: a code object and how much of its line table is out. In map memory, so that the verifier
// does not tell the rounds of a loop apart by it.
struct description {
	u64 code;
	u64 line_table;
	u64 left;
	u32 offset;
	u32 fingerprint;
	u32 next; // index of the frame to look at next
	u32 end; // of the data written so far
	u32 part; // bytes of the line table read last
	u32 has_failed;
};

// What is to be copied for an object that was looked at.
enum copy { COPY_NOTHING, COPY_TEXT, COPY_BYTES, COPY_STRING, COPY_WIDE_STRING, COPY_ITEMS };

struct found {
	u64 from; // the str, bytes, C string or first item to copy
	u64 length;
	u64 copy;
	u64 head[3]; // ob_type, ob_size, and the first digit of an int
	u64 flags; // of the type
};

// The str read last.
struct text {
	struct {
		u64 length; // in code points
		u64 hash;
		u64 state; // 32 bits of it
	} header;
	u64 data; // where its code units are
	u32 kind; // bytes per code point
	u32 bytes; // copied
	u32 length;
	u32 is_cut;
};

// Where the walk over the frames is.
struct walk {
	u64 frame;
	u64 hash;
	u64 cframe;
};

// A va_list of the System V ABI, x86-64, 3.5.7.
struct argument_list {
	u32 gp_offset, fp_offset;
	u64 overflow_area, save_area;
};

// The act being taken.
struct act {
	u64 image;
	u64 base;
	u64 name; // its text's hash, or a constant
	u64 stack;
	u64 state; // the PyThreadState
	u64 hash; // of the arguments
	u32 signal;
	u32 site;
	u32 kind; // of the site
	u32 stack_adjust;
	u32 layout; // of the process
	u32 freed_codes; // of the process
};

// Values written before are unknown to the verifier after: paths that differ only in them become one.
#define FORGET() asm volatile("" : : : "memory")

// What a program of one thread works on; too large for the BPF stack. What is read from the target goes here, too:
// a stack slot that only some paths have written keeps the verifier from seeing that they are one again.
struct scratch {
	struct registers registers;
	struct act current;
	u64 owner; // pid_tgid; another value means that the entry was recycled under us
	u64 pending_object; // the str given to sys.audit(), which the funnel may report again
	u64 pending_imports[32]; // stack hash, then arguments hash, of imports under way
	u64 pending_names[16];
	u64 name_hash; // of the name that lies in the act
	u32 pending_import_count;
	u32 walked; // frames of the last walk that lie in the stack
	u32 walked_freed; // code objects that the process had freed by then
	u64 walked_image;
	u32 frame_count;
	u32 stack_flags;
	u32 data_bytes;
	u32 argument_count;
	u32 top_count; // arguments that are not items of another
	u32 decoded; // index of the next argument to decode
	u32 expanding; // the container whose items are being queued
	u32 next_item;
	u32 raw_count;
	u64 frame[16];
	u64 strings[8]; // of a code object: file name, name, qualified name, line table
	u64 raw[24];
	struct text text;
	struct found found;
	struct argument_list list;
	u64 near[36]; // the stack from an argument list on
	u32 digits[4];
	struct walk walk;
	struct description description;
	struct act_event act;
	struct stack_event stack;
	struct code_event code;
};

struct place {
	u64 image;
	u64 id; // a stack's hash or a code object's address
};

// Which addresses may be in code_generations: a look at one byte spares most look-ups.
struct freed_places {
	u8 is_freed[65536];
};

BPF_ARRAY(settings, struct settings, 1);
BPF_ARRAY(layouts, struct kernel_layout, MAX_LAYOUTS);
BPF_ARRAY(sites, struct site, MAX_SITES);
BPF_HASH(traced, u32, struct traced_process, MAX_PROCESSES);
BPF_TABLE("lru_hash", u32, struct scratch, scratch_by_thread, 512);
BPF_ARRAY(empty_scratch, struct scratch, 1);
BPF_HASH(acts, struct act_key, struct act_count, MAX_ACTS);
BPF_TABLE("lru_hash", struct act_key, u64, variants, 16384);
BPF_TABLE("lru_hash", struct place, u8, known_stacks, 32768);
BPF_TABLE("lru_hash", struct place, u32, known_codes, 65536);
BPF_TABLE("lru_hash", struct place, u32, code_generations, 16384); // of addresses where known code objects were freed
BPF_ARRAY(freed_places, struct freed_places, 1);
BPF_PERCPU_ARRAY(counters, u64, 256); // signal * 32 + counter
BPF_RINGBUF_OUTPUT(ring, 4096); // the loader sets the size

struct namespace_id;
// BPF_FUNC_get_ns_current_pid_tgid, Linux 5.7
static long (*get_ns_current_pid_tgid)(u64 device, u64 inode, struct namespace_id *id, u32 size) = (void *)120;
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
