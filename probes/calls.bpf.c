// Counts entries of Python functions.

BPF_HASH(call_counts, struct call_key, struct call_count, MAX_CALLS);

static inline u64 version_of(const struct kernel_layout *l, u64 code)
{
	u64 version = 0;
	if (code)
		bpf_probe_read_user(&version, 8, (void *)(code + l->code_instrumentation_version));
	return version;
}

// When monitoring changes, code that is being executed is rewritten at once, so that a caller's is never out of date.
// Other code is when it is entered, by RESUME, which is then executed again (Python/instrumentation.c, 3.12 and later).
static inline bool is_again(struct call_count *known, const struct entry *e, const struct kernel_layout *l)
{
	if (l->code_instrumentation_version == ABSENT)
		return false;
	u64 version = version_of(l, e->function.code), caller = e->function.caller;
	bool is_same = known->is_outdated && known->frame == e->frame && known->instruction == e->instruction &&
		       known->version != version;
	known->frame = e->frame;
	known->instruction = e->instruction;
	known->version = version;
	known->is_outdated = !caller || version_of(l, caller) != version;
	return is_same;
}

// Describe what is entered and by whom, where that has not been done.
static inline bool name_both(struct scratch *s, const struct hit *h, const struct function *f)
{
	struct function caller = {.code = f->caller, .generation = f->caller_generation};
	u64 image = h->p->image;
	s->current.layout = h->site->layout;
	note_met(h->freed, f->code);
	note_met(h->freed, f->caller);
	if (caller.code && !is_named(image, caller.code, caller.generation) && !name_function(s, h->l, image, &caller))
		return false;
	FORGET();
	return is_named(image, f->code, f->generation) || name_function(s, h->l, image, f);
}

static inline void take_generations(struct function *f, const struct freed_places *freed, u64 image)
{
	f->generation = generation_of(freed, image, f->code);
	f->caller_generation = f->caller ? generation_of(freed, image, f->caller) : 0;
}

// What the entry is: what the last one by the same caller was, where it is at the same place of the code object. One
// RESUME stands there. Up to 3.10 the frame tells.
static inline bool recall_entry(struct entry *e, const struct hit *h, const struct call_count *known)
{
	if (!known || h->site->opcode || !h->l->instruction_mask || known->instruction != e->instruction)
		return judge_entry(e, h->l, h->site);
	e->is_resumption = known->is_resumption;
	return true;
}

static inline struct call_count *add_count(const struct call_key *key)
{
	struct call_count fresh = {.first_ns = bpf_ktime_get_ns(), .is_outdated = 1};
	call_counts.insert(key, &fresh);
	struct call_count *known = call_counts.lookup(key);
	if (!known)
		count(SIGNAL_FUNCTION, COUNTER_TABLE_FULL);
	return known;
}

// Whether monitoring is as it was at the last entry by the same caller, whose code was up to date with the caller's: it
// still is, and RESUME is executed once.
static inline bool is_settled(const struct call_count *known, const struct entry *e, const struct kernel_layout *l)
{
	return l->code_instrumentation_version == ABSENT ||
	       (!known->is_outdated && known->version == version_of(l, e->function.caller));
}

// Count an entry; no other thread has this key.
static inline void count_entry(struct call_count *known, const struct entry *e, const struct kernel_layout *l)
{
	if (!is_settled(known, e, l) && is_again(known, e, l))
		return;
	known->instruction = e->instruction;
	known->is_resumption = e->is_resumption;
	if (e->is_resumption)
		known->resumptions++;
	else
		known->starts++;
}

// --calls count: every entry, by thread, function and caller.
int on_entry(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	find_entry(&e, ctx, &h);
	if (!read_entry(&e, h.l))
		return 0;
	struct function *f = &e.function;
	f->caller = code_of_caller(h.l, f->caller);
	take_generations(f, h.freed, h.p->image);
	struct call_key key = {.image = h.p->image,
			       .callee = f->code,
			       .caller = f->caller,
			       .tid = (u32)h.id,
			       .callee_generation = f->generation,
			       .caller_generation = f->caller_generation};
	struct call_count *known = call_counts.lookup(&key);
	if (!recall_entry(&e, &h, known))
		return 0;
	if (!known)
		known = add_count(&key);
	if (!known)
		return 0;
	count_entry(known, &e, h.l);
	if (!known->is_named) {
		struct scratch *s = get_scratch(h.id);
		if (s)
			known->is_named = name_both(s, &h, f);
	}
	return 0;
}
