// Decodes Python objects.

static inline void decode_integer(struct scratch *s, const struct kernel_layout *l, struct argument *a, u64 object,
				  u64 size_field, bool is_bool)
{
	volatile u32 *digits = s->digits;
	u64 tag_count = size_field >> 3; // lv_tag: digit count << 3 | sign (Include/cpython/longintrepr.h, 3.12)
	u64 sign = (s64)size_field >> 63, size_count = (size_field ^ sign) - sign; // ob_size up to 3.11
	u64 count = l->long_has_tag ? tag_count : size_count;
	u32 is_negative = l->long_has_tag ? (size_field & 3) == 2 : sign & 1;
	a->kind = ARGUMENT_KIND_BIG_INT;
	a->length = count;
	a->value = is_negative;
	if (count > 3)
		return;
	u64 size = count * 4;
	BOUND(size, 15);
	digits[0] = count ? s->found.head[2] : 0; // the digits follow ob_size
	digits[1] = digits[2] = 0;
	if (count > 1 && read_user((void *)digits, size, object + l->long_digits)) {
		lose_argument(s, a);
		return;
	}
	a->value = digits[0] | (u64)digits[1] << 30 | (u64)digits[2] << 60;
	a->length = is_negative | (digits[2] >> 4 ? 2 : 0); // 2: more than 64 bits
	a->kind = is_bool ? ARGUMENT_KIND_BOOL : ARGUMENT_KIND_INT;
}

// Tell what an object is; sets the argument's kind and what is to be copied.
static inline void look_at_object(struct scratch *s, const struct kernel_layout *l, struct argument *a, u64 base)
{
	struct found *f = &s->found;
	u64 object = a->value;
	if (!object || object == base + l->none_object) {
		a->kind = object ? ARGUMENT_KIND_NONE : ARGUMENT_KIND_NULL;
		a->value = 0;
		return;
	}
	// ob_type and ob_size are consecutive; a plain object may end before ob_size
	f->head[1] = 0;
	f->head[2] = 0;
	if (read_user(f->head, 20, object + l->object_type) && read_user(f->head, 8, object + l->object_type)) {
		lose_argument(s, a);
		return;
	}
	FORGET();
	f->flags = is_equal(f->head[0], base + l->unicode_type) << 28 | is_equal(f->head[0], base + l->long_type) << 24;
	FORGET();
	if (!f->flags && read_user(&f->flags, 8, f->head[0] + l->type_flags)) {
		lose_argument(s, a);
		return;
	}
	FORGET();
	u64 flags = f->flags, *head = f->head;
	f->from = object;
	f->length = head[1];
	// Py_TPFLAGS_*_SUBCLASS (Include/object.h)
	if (flags & (1 << 28)) {
		a->kind = ARGUMENT_KIND_TEXT1;
		f->copy = COPY_TEXT;
	} else if (flags & (1 << 27)) {
		a->kind = ARGUMENT_KIND_BYTES;
		f->from = object + l->bytes_data;
		f->copy = COPY_BYTES;
	} else if (flags & (1 << 24)) {
		decode_integer(s, l, a, object, head[1], head[0] == base + l->bool_type);
	} else if (flags & (3 << 25)) {
		bool is_tuple = flags & (1 << 26);
		a->kind = is_tuple ? ARGUMENT_KIND_TUPLE : ARGUMENT_KIND_LIST;
		a->length = head[1];
		a->value = 0;
		f->from = object + l->tuple_items;
		if (!is_tuple && read_user(&f->from, 8, object + l->list_items))
			lose_argument(s, a);
		else
			f->copy = COPY_ITEMS;
		// one inside another is shown without its items; of a dict's content nobody expects all
		u64 is_inner = is_equal(a->parent, 255) ^ 1;
		if (TELLS_DICTIONARIES)
			is_inner &= is_equal(argument_at(s, a->parent)->kind, ARGUMENT_KIND_DICTIONARY) ^ 1;
		s->act.head[0].flags |= is_inner * (is_equal(head[1], 0) ^ 1) * EVENT_FLAG_TRUNCATED;
#if TELLS_DICTIONARIES
	} else if (flags & (1 << 29)) {
		look_at_dictionary(s, l, a, object);
#endif
	} else if (head[0] == base + l->code_type) {
		a->kind = ARGUMENT_KIND_CODE;
		s->given_code = object;
		f->copy = COPY_TEXT;
		if (read_user(&f->from, 8, object + l->code_name))
			lose_argument(s, a);
	} else if (head[0] == base + l->float_type) {
		a->kind = ARGUMENT_KIND_FLOAT;
		a->value = head[1]; // ob_fval lies where ob_size would
	} else {
		a->kind = ARGUMENT_KIND_OTHER;
		f->copy = COPY_STRING;
		if (read_user(&f->from, 8, head[0] + l->type_name))
			lose_argument(s, a);
	}
}

static inline void decode_argument(struct scratch *s, const struct kernel_layout *l, struct argument *a, u64 base)
{
	struct found *f = &s->found;
	u32 kind = a->kind;
	f->from = a->value;
	f->length = a->length;
	f->copy = kind == ARGUMENT_KIND_C_STRING      ? COPY_STRING
		  : kind == ARGUMENT_KIND_C_BYTES     ? COPY_BYTES
		  : kind == ARGUMENT_KIND_WIDE_STRING ? COPY_WIDE_STRING
						      : COPY_NOTHING;
	if (kind == ARGUMENT_KIND_OBJECT)
		look_at_object(s, l, a, base);
	FORGET();
	// what was lost has nothing to copy: telling so twice is cheaper where the verifier follows every round
	u32 copy = !HAS_MAY_GOTO && a->kind == ARGUMENT_KIND_UNREADABLE ? COPY_NOTHING : f->copy;
	if (copy == COPY_TEXT)
		copy_text(s, l, a, f->from);
	else if (copy == COPY_BYTES)
		copy_bytes(s, a, f->from, f->length);
	else if (copy == COPY_STRING)
		copy_string(s, a, f->from);
	else if (copy == COPY_WIDE_STRING)
		copy_wide_string(s, a, f->from);
	else if (copy == COPY_ITEMS)
		a->value = f->from; // its items are queued when all before them are decoded
	FORGET();
}
