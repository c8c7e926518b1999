// Decodes all arguments, then the items of the containers among them.

static inline bool is_container(u32 kind)
{
	return kind == ARGUMENT_KIND_TUPLE || kind == ARGUMENT_KIND_LIST ||
	       (TELLS_DICTIONARIES && kind == ARGUMENT_KIND_DICTIONARY);
}

static inline u32 count_of_items(const struct argument *a) // keys and values are two
{
	return a->length << (TELLS_DICTIONARIES && a->kind == ARGUMENT_KIND_DICTIONARY);
}

static inline u64 place_of_item(const struct argument *a, u32 item)
{
	u64 step = TELLS_DICTIONARIES ? a->offset : 0; // from one entry of a dict to the next
	return a->value + (step ? item / 2 * step + (item & 1) * 8 : (u64)item * 8);
}

// Queue the next item of the containers at the top; false when there is none left. That a dict is cut is told by its
// length alone.
static inline bool queue_item(struct scratch *s)
{
	u32 parent = *(volatile u32 *)&s->expanding, n = *(volatile u32 *)&s->argument_count;
	if (parent >= s->top_count)
		return false;
	if (!TELLS_DICTIONARIES && n >= MAX_ARGUMENTS) {
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
		return false;
	}
	if (TELLS_DICTIONARIES && parent + 1 < s->top_count) // most are none: there are rounds enough for every second
		parent += !is_container(*(volatile u8 *)&argument_at(s, parent)->kind);
	struct argument *container = argument_at(s, parent), *a = argument_at(s, n);
	u32 item = *(volatile u32 *)&s->next_item, count = count_of_items(container);
	bool has_items = is_container(container->kind);
	if (!has_items || item >= count || item >= MAX_ITEMS || n >= MAX_ARGUMENTS) {
		if (has_items && item < count && container->kind != ARGUMENT_KIND_DICTIONARY)
			s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
		*(volatile u32 *)&s->expanding = parent + 1;
		*(volatile u32 *)&s->next_item = 0;
		return true;
	}
	*(volatile u32 *)&s->expanding = parent;
	a->kind = ARGUMENT_KIND_OBJECT;
	a->parent = parent;
	a->offset = 0;
	a->length = 0;
	if (read_user(&a->value, 8, place_of_item(container, item)))
		lose_argument(s, a);
	*(volatile u32 *)&s->next_item = item + 1;
	*(volatile u32 *)&s->argument_count = n + 1;
	return true;
}

// Decode every queued argument, then the items of the containers among them. One flat loop: the verifier follows
// every round.
static inline void decode_arguments(struct scratch *s, const struct kernel_layout *l, u64 base)
{
	s->top_count = s->argument_count;
	*(volatile u32 *)&s->decoded = 0;
	*(volatile u32 *)&s->expanding = 0;
	*(volatile u32 *)&s->next_item = 0;
	for (u32 i = 0; i < MAX_ARGUMENTS + (TELLS_DICTIONARIES ? 12 : 8); i++) {
		ROUND(s, i);
		u32 n = *(volatile u32 *)&s->decoded;
		if (n >= *(volatile u32 *)&s->argument_count && !queue_item(s))
			break;
		FORGET();
		if (n >= *(volatile u32 *)&s->argument_count)
			continue; // a container had no more items
		struct argument *a = argument_at(s, n);
		*(volatile u32 *)&s->decoded = n + 1;
		if (*(volatile u32 *)&s->data_bytes >= DATA_BYTES && a->kind != ARGUMENT_KIND_RAW)
			lose_argument(s, a);
		else
			decode_argument(s, l, a, base);
	}
}

// The addresses of containers mean nothing to anyone else and would tell equal arguments apart.
static inline void forget_addresses(struct scratch *s)
{
	for (u64 i = 0; i < MAX_ARGUMENTS; i++) {
		ROUND(s, i);
		if (i >= MAX_ARGUMENTS || i >= *(volatile u32 *)&s->argument_count)
			break;
		struct argument *a = argument_at(s, i);
		if (is_container(a->kind))
			a->value = 0;
	}
}
