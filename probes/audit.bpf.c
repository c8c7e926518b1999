// Python audit hooks (PEP 578) and what is taken at sites of the same kind; sites: pyxhon/cpython/sites.py

static inline u64 hash_name(struct scratch *s, u64 seed)
{
	u64 hash = seed;
	u32 bytes = s->data_bytes;
	OPAQUE(bytes);
	if (bytes > NAME_BYTES)
		return hash;
	*(u64 *)&s->act.data[bytes] = 0;
	u32 words = (bytes + 7) / 8;
	for (u64 i = 0; i < NAME_BYTES / 8; i++) {
		ROUND(s, i);
		if (i >= NAME_BYTES / 8 || i >= words)
			break;
		BOUND(i, NAME_BYTES / 8 - 1);
		hash = mix(hash, ((const u64 *)s->act.data)[i]);
	}
	return hash;
}

// Whether memory at an address is the interpreter's own constant data, which is not read twice in a row.
static inline bool is_constant(const struct scratch *s, const struct kernel_layout *l, u64 address)
{
	u64 at = address - s->current.base;
	return at >= l->read_only_start && at < l->read_only_end;
}

// Copy a C string as the act's name; gives what identifies it.
static inline u64 take_name(struct scratch *s, const struct settings *conf, const struct kernel_layout *l, u64 address)
{
	if (address == s->act.name_address && is_constant(s, l, address)) {
		s->data_bytes = s->act.name_bytes; // it still lies there from the last act
		return s->name_hash;
	}
	s->act.name_bytes = 0;
	long length = read_user_string(s->act.data, NAME_BYTES, address);
	s->act.name_address = address;
	if (length < 1) {
		s->act.head[0].flags |= EVENT_FLAG_NAME_UNREAD;
		s->name_hash = address;
		return address;
	}
	if (length == NAME_BYTES)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	s->act.name_bytes = length - 1;
	s->data_bytes = length - 1;
	return s->name_hash = hash_name(s, conf->seed);
}

static inline void take_format(struct scratch *s, const struct kernel_layout *l, u64 address)
{
	// a constant that was read last time is read again with size 0: no path of its own
	u64 is_known = is_equal(address, s->act.format_address) & is_constant(s, l, address), size = 32 - 32 * is_known;
	BOUND(size, 63);
	s->act.format_address = address;
	if (address && read_user_string(s->act.format, size, address) < 0)
		s->act.head[0].flags |= EVENT_FLAG_FORMAT_UNREAD;
}

// What the last act's name and format were is of no use to acts of other kinds, nor what these leave to an audit event.
static inline void forget_name(struct scratch *s)
{
	s->act.name_bytes = 0;
	s->act.name_address = 0;
	s->act.format_address = 0;
	*(u64 *)s->act.format = 0;
}

// PySys_Audit after the builtin sys.audit() for the same event: the str object's own UTF-8 text is passed on.
static inline bool is_duplicate(struct scratch *s, const struct kernel_layout *l, u64 name)
{
	u64 object = s->pending_object;
	if (!object)
		return false;
	s->pending_object = 0;
	if (name == object + l->unicode_ascii_size)
		return true;
	s->found.from = 0;
	read_user(&s->found.from, 8, object + l->unicode_utf8);
	return name == s->found.from;
}

// An import begins: remember its act, so that its result can be counted there.
static inline void push_import(struct scratch *s, const struct act *act)
{
	u32 n = *(volatile u32 *)&s->pending_import_count;
	OPAQUE(n);
	if (n >= MAX_PENDING_IMPORTS) { // the innermost one is the next to end
		count(SIGNAL_IMPORT, COUNTER_UNMATCHED);
		n = MAX_PENDING_IMPORTS - 1;
	}
	BOUND(n, MAX_PENDING_IMPORTS - 1);
	struct pending_import *pending = &s->pending_imports[n];
	// from 3.15 on importlib's own Python code raises the event
	pending->frame = s->frame_addresses[act->kind == SITE_KIND_SYS_AUDIT];
	pending->stack = act->stack;
	pending->arguments = act->hash;
	pending->name = act->name;
	*(volatile u32 *)&s->pending_import_count = n + 1;
}

static inline bool is_import(const struct scratch *s)
{
	return *(const u64 *)s->act.data << 16 == 0x74726f706d690000ULL /* "import" */ && s->act.name_bytes == 6 &&
	       s->act.arguments[1].kind == ARGUMENT_KIND_NONE;
}

// (tstate, event, format, ...): false where there is no new event.
static inline bool take_audit(struct scratch *s, const struct settings *conf, const struct kernel_layout *l)
{
	struct act *act = &s->current;
	const struct registers *regs = &s->registers;
	u64 name = regs->si, format = regs->dx;
	if (act->kind == SITE_KIND_AUDIT_PUBLIC) {
		name = regs->di;
		format = regs->si;
	} else {
		act->state = regs->di;
	}
	if (is_duplicate(s, l, name)) {
		count(SIGNAL_AUDIT, COUNTER_DUPLICATE);
		return false;
	}
	act->name = take_name(s, conf, l, name);
	take_format(s, l, format);
	FORGET();
	if (format && s->act.format[0])
		queue_formatted(s, regs, act->kind, act->stack_adjust);
	return true;
}

// sys.audit(): (module, PyObject *const *arguments, count); it returns before the funnel while there is no hook.
static inline bool take_sys_audit(struct scratch *s, const struct settings *conf, const struct kernel_layout *l)
{
	struct act *act = &s->current;
	u64 items = s->registers.si, given = s->registers.dx, *head = s->found.head;
	if (!given || read_user(&s->found.from, 8, items) || read_user(head, 8, s->found.from + l->object_type) ||
	    read_user(&s->found.flags, 8, head[0] + l->type_flags) || !(s->found.flags & (1 << 28)))
		return false; // a TypeError in the target: no event
	FORGET();
	u64 name = s->pending_object = s->found.from;
	forget_name(s);
	read_text(s, l, s->act.data, name);
	FORGET();
	u32 bytes = s->text.bytes;
	if (bytes > NAME_BYTES - 4) {
		bytes = NAME_BYTES - 4;
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	}
	s->act.name_bytes = bytes;
	s->data_bytes = bytes;
	s->act.format[0] = s->text.kind; // the width of the name's code units; a format never starts below ' '
	act->name = hash_name(s, conf->seed);
	if (given > 17)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	for (u32 i = 1; i < 17; i++) {
		ROUND(s, i);
		if (i >= 17 || i >= given)
			break;
		s->found.from = 0;
		read_user(&s->found.from, 8, items + (u64)i * 8);
		add_argument(s, ARGUMENT_KIND_OBJECT, s->found.from, 0);
	}
	return true;
}
