// Copies memory out of the target and, where its structures are, of the kernel.

static inline u32 read_kernel_u32(u64 address)
{
	u32 value = 0;
	bpf_probe_read_kernel(&value, 4, (void *)address);
	return value;
}

static inline u64 read_kernel_u64(u64 address)
{
	u64 value = 0;
	bpf_probe_read_kernel(&value, 8, (void *)address);
	return value;
}

#ifdef SLEEPABLE
static long (*copy_from_user)(void *to, u32 size, const void *from) = (void *)148; // Linux 5.10
#endif

// Read fast; where the page is not present and the program may sleep, bring it in.
static inline long read_user(void *to, u32 size, u64 from)
{
	long error = bpf_probe_read_user(to, size, (void *)from);
#ifdef SLEEPABLE
	if (error)
		error = copy_from_user(to, size, (void *)from);
#endif
	return error;
}

// Read where it happens once only: always the form that may sleep, one path for the verifier to follow.
static inline long read_user_once(void *to, u32 size, u64 from)
{
#ifdef SLEEPABLE
	return copy_from_user(to, size, (void *)from);
#else
	return bpf_probe_read_user(to, size, (void *)from);
#endif
}

// Read a C string of up to size - 1 bytes; the length with its NUL, or a negative error.
static inline long read_user_string(void *to, u32 size, u64 from)
{
	long length = bpf_probe_read_user_str(to, size, (void *)from);
#ifdef SLEEPABLE
	if (length < 0) {
		copy_from_user(to, 1, (void *)from);
		copy_from_user(to, 1, (void *)((from | 4095) + 1));
		length = bpf_probe_read_user_str(to, size, (void *)from);
	}
#endif
	return length;
}

// Take what the header of a str says; the bytes to copy, 0 where there are none.
static inline u32 look_at_text(struct scratch *s)
{
	struct text *t = &s->text;
	u64 unit = (t->header.state >> 2) & 7, wanted = t->header.length * unit;
	u32 size = wanted > TEXT_BYTES - 4 ? TEXT_BYTES - 4 : wanted; // whole code points
	t->length = t->header.length > 0xffffffff ? 0xffffffff : t->header.length;
	t->is_cut = wanted > size;
	t->kind = unit;
	t->bytes = size;
	return size;
}

static inline void lose_text(struct scratch *s)
{
	s->text.kind = 0;
	s->text.bytes = 0;
	s->text.length = 0;
	s->text.is_cut = 0;
}

// Copy the code units of a str; what it was is in s->text (kind 0: unreadable).
static inline void read_text(struct scratch *s, const struct kernel_layout *l, u8 *to, u64 object)
{
	struct text *t = &s->text;
	// length, hash and state are consecutive (Include/cpython/unicodeobject.h, PyASCIIObject)
	if (!object || read_user(&t->header, sizeof(t->header), object + l->unicode_length))
		return lose_text(s);
	bool is_compact = t->header.state >> 5 & 1, is_ascii = t->header.state >> 6 & 1;
	t->data = object + (is_ascii ? l->unicode_ascii_size : l->unicode_compact_size);
	if (!is_compact && read_user(&t->data, 8, object + l->unicode_data)) // of a subclass
		return lose_text(s);
	u32 size = look_at_text(s);
	BOUND(size, TEXT_BYTES - 1);
	if (read_user(to, size, t->data))
		lose_text(s);
}

// The same for the names of a code object, which are always compact.
static inline void read_name(struct scratch *s, const struct kernel_layout *l, u8 *to, u64 object)
{
	struct text *t = &s->text;
	t->header.state = 0;
	t->header.length = 0;
	read_user_once(&t->header, sizeof(t->header), object + l->unicode_length);
	FORGET();
	bool is_ascii = t->header.state >> 6 & 1;
	u64 data = object + (is_ascii ? l->unicode_ascii_size : l->unicode_compact_size);
	u32 size = look_at_text(s);
	BOUND(size, TEXT_BYTES - 1);
	if (read_user_once(to, size, data))
		lose_text(s);
	FORGET();
}
