// An act is keyed by what makes it distinct. Its first occurrence goes out whole, repeats are only counted.

// What an act is taken at. A constant where it is used: what the others need is not in the program.
enum act_source { SOURCE_UPROBE, SOURCE_SYSCALL, SOURCE_OPERATION };

// Start a new act of the calling thread.
static inline void begin_act(struct scratch *s, const struct traced_process *p, const struct site *site, u32 index,
			     u32 signal)
{
	fill_head(&s->act.head[0], s->owner, EVENT_KIND_ACT, p->image);
	s->argument_count = 0;
	s->data_bytes = 0;
	s->given_code = 0;
	s->current.image = p->image;
	s->current.account = p->account;
	s->current.base = p->base;
	s->current.name = 0;
	s->current.stack = 0;
	s->current.state = 0;
	s->current.native = 0;
	s->current.site = index;
	s->current.layout = p->layout;
	s->current.kind = site->kind;
	s->current.stack_adjust = site->stack_adjust;
	s->current.flags = site->flags;
	s->current.signal = signal;
}

static inline bool send_act(struct scratch *s, const struct settings *conf, const struct kernel_layout *l,
			    enum act_source source)
{
	const struct act *act = &s->current;
	struct act_event *e = &s->act;
	// an operation of io_uring has the stacks of the call that submits it
	if (source != SOURCE_OPERATION && !describe_stack(s, l, act->image, act->stack))
		return false;
	if (source == SOURCE_SYSCALL)
		describe_native(s, conf, act);
	e->stack = act->stack;
	e->native = act->native;
	e->account = act->account;
	e->arguments_hash = act->hash;
	e->name = act->name;
	e->base = act->base;
	e->site = act->site;
	e->signal = act->signal;
	e->argument_count = *(volatile u32 *)&s->argument_count;
	u32 bytes = *(volatile u32 *)&s->data_bytes;
	e->data_bytes = bytes;
	if (s->owner != ((u64)e->head[0].pid << 32 | e->head[0].tid)) {
		count(act->signal, COUNTER_NO_SCRATCH); // recycled under us: what we hold is not ours
		return false;
	}
	u64 size_bytes = offsetof(struct act_event, data) + bytes;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	// waking the reader costs the target more than the act itself: it comes by itself, unless much has come
	u64 flags = s->sent++ & conf->wakeup_mask ? BPF_RB_NO_WAKEUP : 0;
	if (ring.ringbuf_output(e, size_bytes, flags)) {
		count(act->signal, COUNTER_RING_FULL);
		return false;
	}
	count(act->signal, COUNTER_STORED);
	return true;
}

// Hash the decoded arguments and their text.
static inline u64 hash_arguments(struct scratch *s, u64 seed)
{
	u64 hash = seed;
	for (u64 i = 0; i < MAX_ARGUMENTS; i++) {
		ROUND(s, i);
		if (i >= MAX_ARGUMENTS || i >= *(volatile u32 *)&s->argument_count)
			break;
		const u64 *a = (const u64 *)argument_at(s, i);
		// times and time spans would make each call another act; not of a function that was asked for
		u64 is_time = is_equal(a[0] & 0xff, ARGUMENT_KIND_FLOAT) & ~is_equal(s->current.signal, SIGNAL_CALL);
		u64 is_told = (is_time & 1) - 1;
		hash = mix(mix(hash, a[0]), a[1] & is_told);
	}
	u32 bytes = *(volatile u32 *)&s->data_bytes;
	OPAQUE(bytes);
	if (bytes > DATA_BYTES + TEXT_BYTES)
		return hash;
	*(u64 *)&s->act.data[bytes] = 0; // the last word ends in zeros
	u32 words = (bytes + 7) / 8;
	for (u64 i = 0; i < (DATA_BYTES + TEXT_BYTES) / 8; i++) {
		ROUND(s, i);
		if (i >= (DATA_BYTES + TEXT_BYTES) / 8 || i >= words)
			break;
		BOUND(i, 1023);
		hash = mix(hash, ((const u64 *)s->act.data)[i]);
	}
	return hash;
}

static inline void count_repeat(struct scratch *s, struct act_count *known)
{
	__sync_fetch_and_add(&known->count, 1);
	known->last_ns = s->act.head[0].time_ns;
}

// Count the act; gives its entry where its first occurrence must (again) be sent, *is_counted false where it has none.
static inline struct act_count *count_act(struct scratch *s, struct act_key *key, bool *is_counted)
{
	struct act_count *known = acts.lookup(key);
	enum merging merged = known ? MERGE_NOTHING : limit_variants(s, key, s->current.image);
	if (merged != MERGE_NOTHING) {
		key->arguments = 0;
		if (merged == MERGE_CALLERS)
			key->native = 0;
		known = acts.lookup(key);
	}
	if (!known) {
		struct act_count fresh = {.count = 1,
					  .first_ns = s->act.head[0].time_ns,
					  .last_ns = s->act.head[0].time_ns,
					  .tid = s->act.head[0].tid};
		long error = acts.insert(key, &fresh);
		known = acts.lookup(key);
		if (!known) { // the table is full: this occurrence goes out by itself
			count(key->signal, COUNTER_TABLE_FULL);
			*is_counted = false;
			return 0;
		}
		if (!error)
			return known;
	}
	count_repeat(s, known);
	if (known->state != ACT_STATE_FAILED)
		return 0;
	known->state = ACT_STATE_PENDING;
	return known;
}

// What the policy denies to everybody is answered with a signal to whom acts: its record is in the ring buffer by now.
static inline void answer(struct act *act)
{
	if (act->signal != SIGNAL_AUDIT && act->signal != SIGNAL_SYSCALL)
		return;
	u64 *denial = denials.lookup(&act->name);
	if (denial && !send_signal((u32)*denial))
		__sync_fetch_and_add(denial, 1ULL << 32);
}

// Count or send the act that lies decoded in s; tells whether it was sent.
static inline bool record_act(struct scratch *s, const struct settings *conf, const struct kernel_layout *l,
			      enum act_source source)
{
	struct act *act = &s->current;
	act->hash = hash_arguments(s, conf->seed);
	FORGET();
	struct act_key key = {.account = act->account,
			      .stack = act->stack,
			      .arguments = act->hash,
			      .name = act->name,
			      .native = act->native,
			      .signal = act->signal};
	struct act_count *entry = 0;
	bool is_counted = conf->aggregate;
	if (is_counted) {
		entry = count_act(s, &key, &is_counted);
		act->hash = key.arguments;
		act->native = key.native;
		if (is_counted && !entry)
			return false;
	}
	if (!is_counted)
		s->act.head[0].flags |= EVENT_FLAG_UNCOUNTED;
	FORGET();
	if (source != SOURCE_UPROBE)
		tell_late(s, conf);
	bool is_sent = send_act(s, conf, l, source);
	if (entry)
		entry->state = is_sent ? ACT_STATE_STORED : ACT_STATE_FAILED;
	else if (!is_sent)
		count(act->signal, COUNTER_LOST);
	if (is_sent && source != SOURCE_OPERATION)
		answer(act);
	return is_sent;
}
