// Describes code objects and stacks, each once.

// Read the next part of the line table being described; what was read is in d->part.
static inline void read_line_table(struct scratch *s, u8 *to, u32 limit)
{
	struct description *d = &s->description;
	u32 size = d->left > limit - 1 ? limit - 1 : d->left;
	BOUND(size, CHUNK_BYTES - 1);
	d->part = 0;
	if (read_user_once(to, size, d->line_table + d->offset)) {
		d->left = 0;
	} else {
		d->part = size;
		d->offset += size;
		d->left -= size;
	}
}

// Send the head of the code object in s->description; false where the ring is full.
static inline bool send_code(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	struct description *d = &s->description;
	struct code_event *e = &s->code;
	u64 strings = l->code_string_count * 8;
	u32 at;
	BOUND(strings, 63);
	s->strings[0] = 0;
	read_user_once(s->strings, strings, d->code + l->code_strings);
	fill_head(&e->head[0], s->owner, EVENT_KIND_CODE, image);
	e->code = d->code;
	e->fingerprint = d->fingerprint;
	e->first_line = 0;
	e->first_traceable = 0;
	read_user_once(&e->first_line, 4, d->code + l->code_first_line);
	read_user_once(&e->first_traceable, 4, d->code + l->code_first_traceable);
	read_name(s, l, e->data, s->strings[0]);
	e->file_kind = s->text.kind;
	e->file_bytes = at = s->text.bytes;
	e->head[0].flags |= s->text.is_cut * EVENT_FLAG_TRUNCATED;
	BOUND(at, TEXT_BYTES - 1);
	d->end = at;
	read_name(s, l, &e->data[at], s->strings[l->code_name_index & 3]);
	e->name_kind = s->text.kind;
	e->name_bytes = s->text.bytes;
	e->head[0].flags |= s->text.is_cut * EVENT_FLAG_TRUNCATED;
	at = d->end + s->text.bytes;
	BOUND(at, 2 * TEXT_BYTES - 1);
	d->end = at;
	u64 table = s->strings[(l->code_string_count - 1) & 3];
	d->left = 0;
	read_user_once(&d->left, 8, table + l->object_size);
	d->line_table = table + l->bytes_data;
	d->offset = 0;
	e->line_table_bytes = d->left > 0xffffffff ? 0xffffffff : d->left;
	e->line_table_address = table;
	read_line_table(s, &e->data[at], FIRST_CHUNK_BYTES);
	FORGET();
	e->line_table_stored = d->part;
	u64 size_bytes = offsetof(struct code_event, data) + d->end + d->part;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	return ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP) == 0;
}

static inline bool send_line_table(struct scratch *s, u64 image)
{
	struct description *d = &s->description;
	struct line_table_event *e = (struct line_table_event *)&s->code;
	fill_head(&e->head[0], s->owner, EVENT_KIND_LINE_TABLE, image);
	e->code = d->code;
	e->fingerprint = d->fingerprint;
	e->offset = d->offset;
	read_line_table(s, e->data, CHUNK_BYTES);
	FORGET();
	e->stored = d->part;
	u64 size_bytes = offsetof(struct line_table_event, data) + d->part;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	return ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP) == 0;
}

// Keep that a code object is described, as long as the thread keeps what it knows of it.
static inline void keep_told(struct scratch *s, u64 image, const struct frame_ref *ref)
{
#if SKIPS_TOLD
	u64 key = code_key(image, ref->code);
	struct kept_code *kept = &s->kept_codes[kept_place(key)];
	kept->is_told |= is_equal((kept->key ^ key) | (kept->fingerprint ^ ref->fingerprint), 0);
#endif
}

// Describe the code object of the next frame, or the next part of its line table or memory; false at the end or where
// the ring is full (d->has_failed).
static inline bool describe_next(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	struct description *d = &s->description;
	u32 n = d->next;
	if (d->left) {
		d->has_failed = !send_line_table(s, image);
		return !d->has_failed;
	}
	if (s->capture.code) {
		capture_next(s, l, image);
		return true;
	}
	OPAQUE(n);
	if (n >= *(volatile u32 *)&s->frame_count)
		n = next_inner_code(s, l, image);
	if (n >= MAX_FRAMES)
		return false;
	d->next = n + 1;
	BOUND(n, MAX_FRAMES - 1);
	if (SKIPS_TOLD && !(s->untold >> n & 1))
		return true;
	struct frame_ref *ref = &s->stack.frames[n];
	s->place.image = image;
	s->place.id = ref->code;
	d->code = ref->code;
	d->fingerprint = ref->fingerprint;
	u32 *known = known_codes.lookup(&s->place);
	if (known && *known == d->fingerprint) {
		keep_told(s, image, ref);
		return true;
	}
	d->has_failed = !send_code(s, l, image);
	FORGET();
	if (d->has_failed)
		return false;
	keep_told(s, image, ref);
	known_codes.update(&s->place, &d->fingerprint);
	begin_capture(s, d->code, d->fingerprint);
	return true;
}

// Describe the code objects of s->stack from an index on that were not described before. One flat loop, because the
// verifier may follow every round: each sends one record at the most.
static inline bool describe_codes(struct scratch *s, const struct kernel_layout *l, u64 image, u32 first)
{
	s->description.left = 0;
	s->description.next = first;
	s->description.has_failed = 0;
	s->capture.code = 0;
	s->capture.codes_next = 0;
	s->capture.codes_end = 0;
	for (u32 i = 0; i < MAX_DESCRIPTIONS; i++) {
		ROUND(s, i);
		FORGET();
		if (!describe_next(s, l, image))
			break;
	}
	FORGET();
	count(SIGNAL_CODE, s->description.has_failed ? COUNTER_RING_FULL : COUNTER_STORED);
	return !s->description.has_failed;
}

// Send the stack in s->stack unless it was sent before.
static inline bool describe_stack(struct scratch *s, const struct kernel_layout *l, u64 image, u64 hash)
{
	u64 id = told_id(image, hash);
	if (!hash || was_told(id))
		return true;
	if (!describe_codes(s, l, image, 0))
		return false;
	struct stack_event *e = &s->stack;
	u32 n = *(volatile u32 *)&s->frame_count;
	fill_head(&e->head[0], s->owner, EVENT_KIND_STACK, image);
	e->head[0].flags = s->stack_flags;
	e->stack = hash;
	e->layout = s->current.layout;
	e->frame_count = n;
	u64 size_bytes = offsetof(struct stack_event, frames) + n * sizeof(struct frame_ref);
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	if (ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP)) {
		count(SIGNAL_STACK, COUNTER_RING_FULL);
		return false;
	}
	count(SIGNAL_STACK, COUNTER_STORED);
	note_told(id);
	return true;
}
