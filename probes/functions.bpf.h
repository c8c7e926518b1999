// Which functions ran: code objects by name, each described once.

// A code object and who entered it first.
struct function {
	u64 code, caller; // caller 0: no Python frame
	u32 generation, caller_generation;
};

static inline u32 generation_of(const struct freed_places *freed, u64 image, u64 code)
{
	struct place place = {.image = image, .id = code};
	if (!freed->is_freed[place_of(code)])
		return 0;
	u32 *named = named_codes.lookup(&place);
	return named ? *named & ~IS_DESCRIBED : 0;
}

static inline bool is_named(u64 image, u64 code, u32 generation)
{
	struct place place = {.image = image, .id = code};
	u32 *named = named_codes.lookup(&place);
	return named && *named == (generation | IS_DESCRIBED);
}

// Describe a code object by file, name and first line; false where the ring is full.
static inline bool name_function(struct scratch *s, const struct kernel_layout *l, u64 image, const struct function *f)
{
	struct function_event *e = (struct function_event *)&s->code;
	struct place place = {.image = image, .id = f->code};
	u64 strings = l->code_string_count * 8;
	u32 at, generation = f->generation;
	BOUND(strings, 63);
	s->strings[0] = 0;
	read_user_once(s->strings, strings, f->code + l->code_strings);
	fill_head(&e->head[0], s->owner, EVENT_KIND_FUNCTION, image);
	e->code = f->code;
	e->generation = generation;
	e->caller = f->caller;
	e->caller_generation = f->caller_generation;
	e->layout = s->current.layout;
	e->first_line = 0;
	read_user_once(&e->first_line, 4, f->code + l->code_first_line);
	read_name(s, l, e->data, s->strings[0]);
	e->file_kind = s->text.kind;
	e->file_bytes = at = s->text.bytes;
	e->head[0].flags |= s->text.is_cut * EVENT_FLAG_TRUNCATED;
	BOUND(at, TEXT_BYTES - 1);
	s->description.end = at;
	read_name(s, l, &e->data[at], s->strings[l->code_name_index & 3]);
	e->name_kind = s->text.kind;
	e->name_bytes = s->text.bytes;
	e->head[0].flags |= s->text.is_cut * EVENT_FLAG_TRUNCATED;
	if (!e->file_kind || !e->name_kind)
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_NAME);
	u64 size_bytes = offsetof(struct function_event, data) + s->description.end + s->text.bytes;
	OPAQUE(size_bytes);
	if (size_bytes > sizeof(*e))
		size_bytes = sizeof(*e);
	if (ring.ringbuf_output(e, size_bytes, BPF_RB_NO_WAKEUP)) {
		count(SIGNAL_FUNCTION, COUNTER_RING_FULL);
		return false;
	}
	count(SIGNAL_FUNCTION, COUNTER_STORED);
	generation |= IS_DESCRIBED;
	if (named_codes.update(&place, &generation)) // what will be at its address is taken for it
		count(SIGNAL_FUNCTION, COUNTER_TABLE_FULL);
	return true;
}
