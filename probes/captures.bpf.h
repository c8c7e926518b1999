// Copies the memory that a code object consists of, when it is described. Only where the verifier need not follow every
// round: there are some for each name and constant. Programs of calls have no room for it on their stack: what they
// meet first is read from the live process.

#if HAS_MAY_GOTO && !TELLS_DICTIONARIES
#define MAX_DESCRIPTIONS 16384
BPF_ARRAY(capture_room, s64, 1); // bytes of the ring that copies may take until it is read again

static inline void begin_capture(struct scratch *s, u64 code, u32 fingerprint)
{
	struct capture *c = &s->capture;
	u32 zero = 0;
	s64 *room = capture_room.lookup(&zero);
	if (!room || *(volatile s64 *)room <= 0) { // the rest of the ring is for acts
		count(SIGNAL_CODE, COUNTER_TABLE_FULL);
		return;
	}
	c->code = code;
	c->fingerprint = fingerprint;
	c->stage = 0;
	c->at = 0;
	c->left = 0;
	c->items_left = 0;
	c->inner_left = 0;
}

// Look at the next part.
static inline void begin_part(struct scratch *s, const struct kernel_layout *l)
{
	struct capture *c = &s->capture;
	u32 stage = c->stage;
	BOUND(stage, MAX_CODE_PARTS - 1);
	const struct code_part *part = &l->code_parts[stage];
	c->stage = stage + 1;
	c->object = c->code;
	c->left = 0;
	c->items_left = 0;
	c->pointers_bytes = 0;
	if (part->pointer) {
		c->object = 0;
		read_user(&c->object, 8, c->code + part->pointer);
		if (c->object && part->inner != ABSENT)
			read_user(&c->object, 8, c->object + part->inner);
	}
	FORGET();
	if (!c->object)
		return;
	c->count = 0;
	read_user(&c->count, 8, (part->is_counted_by_code ? c->code : c->object) + l->object_size);
	FORGET();
	u64 items = c->count, size;
	if (items > MAX_BYTECODE)
		items = MAX_BYTECODE;
	size = part->header_bytes + items * part->item_bytes;
	c->left = size > MAX_BYTECODE ? MAX_BYTECODE : size;
	c->from = c->object;
	if (!part->has_objects)
		return;
	u64 limit = c->takes_codes ? MAX_GIVEN_OBJECTS : MAX_OBJECTS;
	if (c->takes_codes && items > limit)
		count(SIGNAL_CODE, COUNTER_TABLE_FULL); // code objects may be among the rest
	c->items = c->object + l->tuple_items;
	c->items_left = items > limit ? limit : items;
}

// Append a block; one that cannot be read has no bytes.
static inline void append_block(struct scratch *s, u64 from, u32 size)
{
	struct capture *c = &s->capture;
	struct code_memory_event *e = (struct code_memory_event *)&s->code;
	u32 at = c->at, stored = size;
	BOUND(at, MEMORY_BYTES - 1);
	BOUND(size, MEMORY_BLOCK_BYTES - 1);
	if (read_user(&e->data[at + 16], size, from)) // the last object before an end of memory may be shorter
		stored = read_user(&e->data[at + 16], 40, from) ? 0 : 40;
	FORGET();
	at = c->at;
	BOUND(at, MEMORY_BYTES - 1);
	*(u64 *)&e->data[at] = from;
	*(u64 *)&e->data[at + 8] = stored;
	c->at = at + 16 + ((stored + 7) & ~7U);
}

// Take the pointer at `items`, of which `left` follow one another: they are read many at once.
static inline void take_pointer(struct scratch *s, u64 items, u64 left)
{
	struct capture *c = &s->capture;
	u64 at = items - c->pointers_start, size = left > 16 ? 128 : left * 8;
	if (at >= c->pointers_bytes) {
		BOUND(size, 255);
		c->pointers[0] = 0;
		if (size > sizeof(c->pointers) || read_user(c->pointers, size, items))
			read_user(c->pointers, size = 8, items); // the next page may not be there
		FORGET();
		c->pointers_start = items;
		c->pointers_bytes = size;
		at = 0;
	}
	BOUND(at, 120);
	c->pointer = *(u64 *)((u8 *)c->pointers + at);
}

static inline void append_object(struct scratch *s, const struct kernel_layout *l)
{
	struct capture *c = &s->capture;
	struct code_memory_event *e = (struct code_memory_event *)&s->code;
	u32 at = c->at;
	take_pointer(s, c->items, c->items_left);
	c->items += 8;
	c->items_left--;
	FORGET();
	append_block(s, c->pointer, OBJECT_BYTES);
	BOUND(at, MEMORY_BYTES - 1);
	u64 type = *(u64 *)&e->data[at + 24] - s->current.base;
	if (type == l->tuple_type) {
		u64 count = *(u64 *)&e->data[at + 32];
		c->inner_items = c->pointer + l->tuple_items;
		c->inner_left = count > MAX_INNER_OBJECTS ? MAX_INNER_OBJECTS : count;
	}
	if (type != l->code_type)
		return;
	keep_inner_code(s);
	append_block(s, c->pointer + l->code_strings, l->code_string_count * 8); // of an inner function: its name
	c->object = 0;
	read_user(&c->object, 8, c->pointer + l->code_strings + l->code_name_index * 8);
	append_block(s, c->object, OBJECT_BYTES);
}

static inline void append_inner_object(struct scratch *s)
{
	struct capture *c = &s->capture;
	take_pointer(s, c->inner_items, c->inner_left);
	c->inner_items += 8;
	c->inner_left--;
	FORGET();
	append_block(s, c->pointer, OBJECT_BYTES);
}

static inline bool send_blocks(struct scratch *s, u64 image, bool is_last)
{
	struct capture *c = &s->capture;
	struct code_memory_event *e = (struct code_memory_event *)&s->code;
	fill_head(&e->head[0], s->owner, EVENT_KIND_CODE_MEMORY, image);
	e->code = c->code;
	e->base = s->current.base;
	e->stack = c->code == s->given_code ? c->stack : 0;
	e->name = c->name;
	e->fingerprint = c->fingerprint;
	e->size_bytes = c->at;
	e->head[0].flags = is_last ? 0 : EVENT_FLAG_PARTIAL;
	u64 size_bytes = offsetof(struct code_memory_event, data) + c->at;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	c->at = 0;
	u32 zero = 0;
	s64 *room = capture_room.lookup(&zero);
	if (room)
		__sync_fetch_and_add(room, -(s64)size_bytes);
	return ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP) == 0;
}

// Copy the next piece.
static inline void capture_next(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	struct capture *c = &s->capture;
	bool is_last = !c->left && !c->items_left && !c->inner_left && c->stage >= l->code_part_count;
	if (is_last || c->at >= MEMORY_BYTES - 512) {
		if (!send_blocks(s, image, is_last)) {
			count(SIGNAL_CODE, COUNTER_TABLE_FULL); // the ring: of its memory, not of the code object
			is_last = true;
		}
		if (is_last)
			c->code = 0;
	} else if (c->left) {
		u32 size = c->left > MEMORY_BLOCK_BYTES - 8 ? MEMORY_BLOCK_BYTES - 8 : c->left;
		append_block(s, c->from, size);
		c->from += size;
		c->left -= size;
	} else if (c->inner_left) {
		append_inner_object(s);
	} else if (c->items_left) {
		append_object(s, l);
	} else {
		begin_part(s, l);
	}
	FORGET();
}
#else
#define MAX_DESCRIPTIONS MAX_CHUNKS

static inline void begin_capture(struct scratch *s, u64 code, u32 fingerprint)
{
}

static inline void capture_next(struct scratch *s, const struct kernel_layout *l, u64 image)
{
	s->capture.code = 0;
}
#endif
