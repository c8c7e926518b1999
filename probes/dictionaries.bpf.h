// The entries of a dict.

#define KEYS_FIELD(s, type, at) (*(type *)((u8 *)(s)->near + ((at) & (64 - sizeof(type)))))

// The entries of a dict (Objects/dict-common.h, pycore_dict.h); values of a split one lie elsewhere and are not found.
static inline void find_entries(struct scratch *s, const struct kernel_layout *l, u64 dict)
{
	struct method_call *c = &s->method;
	s->found.from = 0;
	if (!dict || read_user(&s->found.from, 8, dict + l->dictionary_keys) || !s->found.from ||
	    read_user(s->near, 64, s->found.from))
		return;
	FORGET();
	u64 size = KEYS_FIELD(s, u64, l->keys_size), index_bytes = size << ((size > 0xff) + (size > 0xffff));
	u64 is_unicode = 0;
	if (l->keys_size == ABSENT) {
		index_bytes = 1ULL << (KEYS_FIELD(s, u8, l->keys_log2_index_bytes) & 31);
		is_unicode = KEYS_FIELD(s, u8, l->keys_kind) != 0;
	}
	c->keywords = KEYS_FIELD(s, u64, l->keys_entry_count);
	c->names = s->found.from + l->keys_indices + index_bytes + (is_unicode ? 0 : 8); // me_hash comes first
	c->values = c->names + 8;
	c->name_step = c->value_step = is_unicode ? 16 : 24;
	FORGET();
}

#if TELLS_DICTIONARIES
// Tell how many entries a dict has; its items are queued as those of a list are.
static inline void look_at_dictionary(struct scratch *s, const struct kernel_layout *l, struct argument *a, u64 object)
{
	struct found *f = &s->found;
	a->kind = ARGUMENT_KIND_DICTIONARY;
	a->length = f->length; // ma_used lies where ob_size would
	s->method.names = s->method.name_step = 0;
	find_entries(s, l, object);
	FORGET();
	a->offset = s->method.name_step;
	f->from = s->method.names;
	f->copy = COPY_ITEMS;
}
#endif
