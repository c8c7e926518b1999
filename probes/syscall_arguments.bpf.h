// Takes the arguments of a system call as its rule says; which argument gives what: docs/signals.md

// Copy text or bytes at once; what cannot be read now is read again at the end of the call.
static inline void copy_now(struct scratch *s, u32 kind, u64 from, u64 length)
{
	u32 slot = *(volatile u32 *)&s->argument_count;
	add_argument(s, kind, 0, length);
	OPAQUE(slot);
	if (slot >= MAX_ARGUMENTS)
		return;
	struct argument *a = argument_at(s, slot);
	u32 offset;
	u8 *to = data_end(s, &offset);
	if (!from) {
		a->kind = ARGUMENT_KIND_NULL;
		return;
	}
	u64 size = length;
	long got;
	if (kind == ARGUMENT_KIND_C_STRING) {
		got = bpf_probe_read_user_str(to, TEXT_BYTES, (void *)from) - 1;
		if (got == TEXT_BYTES - 1)
			s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	} else {
		BOUND(size, 127);
		got = bpf_probe_read_user(to, size, (void *)from) ? -1 : (long)size;
	}
	FORGET();
	if (got < 0) {
		u32 n = s->call.unread_count;
		a->kind = ARGUMENT_KIND_UNREADABLE;
		OPAQUE(n);
		if (n >= 2)
			return;
		s->call.unread[n].address = from;
		s->call.unread[n].slot = slot;
		s->call.unread[n].kind = kind;
		s->call.unread[n].length = size;
		s->call.unread_count = n + 1;
		return;
	}
	a->offset = offset;
	a->length = got;
	a->value = got;
	*(volatile u32 *)&s->data_bytes = offset + (u32)got;
}

// A path, and the folder it starts from where it is relative: its names are told when the act is sent.
static inline void take_path(struct scratch *s, const struct settings *conf, u64 from)
{
	u32 offset = *(volatile u32 *)&s->data_bytes, number = s->call.path_count & 1;
	s->call.path_count = number + 1;
	copy_now(s, ARGUMENT_KIND_C_STRING, from, 0);
	FORGET();
	BOUND(offset, DATA_BYTES - 1);
	if (s->act.data[offset] == '/' && *(volatile u32 *)&s->data_bytes != offset) {
		add_argument(s, ARGUMENT_KIND_NULL, 0, 0);
		return;
	}
	begin_folder(s, conf, s->call.folder);
	u64 identity = keep_folder(s, conf, number);
	add_argument(s, identity ? ARGUMENT_KIND_FOLDER : ARGUMENT_KIND_NULL, identity, number);
	s->call.folder = -100; // AT_FDCWD
}

static inline void take_socket(struct scratch *s, const struct settings *conf, u64 descriptor, u32 number)
{
	add_argument(s, ARGUMENT_KIND_LATE, identity_of(conf, descriptor), number);
	u32 size = take_peer(s, conf, descriptor), offset;
	u8 *to = data_end(s, &offset);
	if (!size) {
		add_argument(s, ARGUMENT_KIND_NULL, 0, 0);
		return;
	}
	for (u32 i = 0; i < 32; i += 8)
		*(u64 *)(to + i) = *(u64 *)(s->call.address + i);
	u32 slot = *(volatile u32 *)&s->argument_count;
	add_argument(s, ARGUMENT_KIND_ADDRESS, size, size);
	OPAQUE(slot);
	if (slot < MAX_ARGUMENTS)
		argument_at(s, slot)->offset = offset;
	*(volatile u32 *)&s->data_bytes = offset + 32;
}

// The first arguments of a program to be run: a list and its items.
static inline void take_list(struct scratch *s, u64 from)
{
	u32 parent = *(volatile u32 *)&s->argument_count;
	add_argument(s, ARGUMENT_KIND_LIST, 0, 0);
	for (u32 i = 0; i < MAX_ITEMS; i++) {
		ROUND(s, i);
		FORGET();
		s->call.words[2] = 0;
		bpf_probe_read_user(&s->call.words[2], 8, (void *)(from + (u64)i * 8));
		u32 slot = *(volatile u32 *)&s->argument_count;
		OPAQUE(slot);
		if (!from || !s->call.words[2] || slot >= MAX_ARGUMENTS)
			break;
		copy_now(s, ARGUMENT_KIND_C_STRING, s->call.words[2], 0);
		argument_at(s, slot)->parent = parent;
	}
}

// The name in a struct msghdr (include/linux/socket.h, struct user_msghdr).
static inline void take_message(struct scratch *s, u64 from)
{
	u64 *words = s->call.words;
	words[2] = words[3] = 0;
	bpf_probe_read_user(&words[2], 16, (void *)from);
	u32 length = words[3];
	copy_now(s, ARGUMENT_KIND_C_BYTES, words[2], length > 127 ? 127 : length);
}

static inline void take_argument(struct scratch *s, const struct settings *conf, u32 kind, u32 number)
{
	u64 value = s->call.arguments[number & 7], next = s->call.arguments[(number + 1) & 7];
	if (kind == SYSCALL_ARGUMENT_PATH)
		take_path(s, conf, value);
	else if (kind == SYSCALL_ARGUMENT_TEXT)
		copy_now(s, ARGUMENT_KIND_C_STRING, value, 0);
	else if (kind == SYSCALL_ARGUMENT_SOCKET)
		take_socket(s, conf, value, number);
	else if (kind == SYSCALL_ARGUMENT_MESSAGE)
		take_message(s, value);
	else if (kind == SYSCALL_ARGUMENT_ARGUMENT_LIST)
		take_list(s, value);
	else if (kind == SYSCALL_ARGUMENT_ADDRESS || kind == SYSCALL_ARGUMENT_BYTES ||
		 kind == SYSCALL_ARGUMENT_OPEN_HOW || kind == SYSCALL_ARGUMENT_WORDS) {
		u64 limit = kind == SYSCALL_ARGUMENT_ADDRESS ? 127 : 64;
		u64 length = (u32)next > limit ? limit : (u32)next;
		length = kind == SYSCALL_ARGUMENT_OPEN_HOW ? 24 : kind == SYSCALL_ARGUMENT_WORDS ? 32 : length;
		copy_now(s, ARGUMENT_KIND_C_BYTES, value, length);
	} else if (kind == SYSCALL_ARGUMENT_CLONE_ARGUMENTS) {
		s->call.words[2] = 0;
		bpf_probe_read_user(&s->call.words[2], 8, (void *)value);
		add_argument(s, ARGUMENT_KIND_RAW, s->call.words[2], 0);
	} else if (kind == SYSCALL_ARGUMENT_DESCRIPTOR) {
		add_argument(s, ARGUMENT_KIND_LATE, identity_of(conf, value), number);
	} else {
		if (kind == SYSCALL_ARGUMENT_FOLDER)
			s->call.folder = value;
		if (kind != SYSCALL_ARGUMENT_NUMBER)
			value = (u32)value;
		if (kind == SYSCALL_ARGUMENT_POINTER)
			value = value != 0;
		add_argument(s, ARGUMENT_KIND_RAW, value, 0);
	}
}

static inline bool is_told(u32 kind)
{
	return kind != SYSCALL_ARGUMENT_ABSENT && kind != SYSCALL_ARGUMENT_HIDDEN && kind != SYSCALL_ARGUMENT_LENGTH;
}

static inline void take_arguments(struct scratch *s, const struct settings *conf, const struct syscall_rule *rule)
{
	s->call.folder = -100; // AT_FDCWD
	s->call.unread_count = 0;
	s->call.path_count = 0;
	for (u64 i = 0; i < 6; i++) {
		ROUND(s, i);
		FORGET();
		if (i >= 6)
			break;
		u32 kind = *(const volatile u64 *)rule >> (8 * (offsetof(struct syscall_rule, argument0) + i)) & 0xff;
		if (is_told(kind))
			take_argument(s, conf, kind, i);
	}
	FORGET();
}
