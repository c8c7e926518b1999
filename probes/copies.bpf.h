// Copies the text of arguments into the act.

// The argument at an index below MAX_ARGUMENTS.
static inline struct argument *argument_at(struct scratch *s, u32 index)
{
	BOUND(index, 31); // within the act, whose data follows the arguments
	return &s->act.arguments[index];
}

// Where the next text goes in the data of the act.
static inline u8 *data_end(struct scratch *s, u32 *offset)
{
	u32 at = *(volatile u32 *)&s->data_bytes;
	*offset = at;
	BOUND(at, DATA_BYTES - 1);
	return &s->act.data[at];
}

// Counted once for the whole act.
static inline void lose_argument(struct scratch *s, struct argument *a)
{
	a->kind = ARGUMENT_KIND_UNREADABLE;
	a->value = 0;
	s->found.copy = COPY_NOTHING;
	s->act.head[0].flags |= EVENT_FLAG_PARTIAL;
}

static inline void copy_text(struct scratch *s, const struct kernel_layout *l, struct argument *a, u64 object)
{
	u32 offset;
	u8 *to = data_end(s, &offset);
	read_text(s, l, to, object);
	FORGET();
	if (!s->text.kind) {
		lose_argument(s, a);
		return;
	}
	u32 width = ARGUMENT_KIND_TEXT1 + (s->text.kind >> 1); // 1, 2 or 4 bytes a code point
	if (a->kind == ARGUMENT_KIND_CODE) {
		a->length = width; // of its name; a code object has no length
	} else {
		a->kind = width;
		a->length = s->text.length;
		s->act.head[0].flags |= s->text.is_cut * EVENT_FLAG_TRUNCATED;
	}
	a->offset = offset;
	a->value = s->text.bytes;
	s->data_bytes = offset + s->text.bytes;
}

// Copy `length` bytes from the target as the argument's text.
static inline void copy_bytes(struct scratch *s, struct argument *a, u64 from, u64 length)
{
	u32 offset;
	u8 *to = data_end(s, &offset);
	u32 size = length > TEXT_BYTES - 1 ? TEXT_BYTES - 1 : length;
	BOUND(size, TEXT_BYTES - 1);
	if (size && read_user(to, size, from)) {
		lose_argument(s, a);
		return;
	}
	if (length > size)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	a->length = length > 0xffffffff ? 0xffffffff : length;
	a->offset = offset;
	a->value = size;
	s->data_bytes = offset + size;
}

static inline void copy_string(struct scratch *s, struct argument *a, u64 from)
{
	u32 offset;
	u8 *to = data_end(s, &offset);
	if (!from) {
		a->kind = ARGUMENT_KIND_NULL;
		return;
	}
	long length = read_user_string(to, TEXT_BYTES, from);
	if (length < 1) {
		lose_argument(s, a);
		return;
	}
	if (length == TEXT_BYTES)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	a->length = length - 1;
	a->offset = offset;
	a->value = length - 1;
	s->data_bytes = offset + (u32)(length - 1);
}

static inline void copy_wide_string(struct scratch *s, struct argument *a, u64 from)
{
	u32 offset;
	u8 *to = data_end(s, &offset);
	if (!from) {
		a->kind = ARGUMENT_KIND_NULL;
		return;
	}
	u32 size = 512; // the string may end near an unmapped page
	if (bpf_probe_read_user(to, 512, (void *)from)) {
		size = 64;
		if (read_user(to, 64, from)) {
			lose_argument(s, a);
			return;
		}
	}
	a->length = size / 4;
	a->offset = offset;
	a->value = size;
	s->data_bytes = offset + size;
}
