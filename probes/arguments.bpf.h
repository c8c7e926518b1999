// Queues the arguments of a variadic call by its Py_BuildValue format.

static inline void add_argument(struct scratch *s, u32 kind, u64 value, u32 length)
{
	u32 n = *(volatile u32 *)&s->argument_count;
	if (n >= MAX_ARGUMENTS)
		return;
	struct argument *a = argument_at(s, n);
	a->kind = kind;
	a->parent = 255;
	a->offset = 0;
	a->length = length;
	a->value = value;
	*(volatile u32 *)&s->argument_count = n + 1;
}

// The raw arguments of a variadic call: what the registers hold, then the stack.
static inline void take_raw_arguments(struct scratch *s, const struct registers *regs, u32 kind, u32 stack_adjust)
{
	u32 in_registers = 0;
	u64 on_stack = regs->sp + 8 + stack_adjust;
	if (kind == SITE_KIND_AUDIT_PUBLIC) {
		s->raw[0] = regs->dx;
		s->raw[1] = regs->cx;
		s->raw[2] = regs->r8;
		s->raw[3] = regs->r9;
		in_registers = 4;
	} else if (kind == SITE_KIND_AUDIT_CLONE) {
		s->raw[0] = regs->cx;
		s->raw[1] = regs->r8;
		s->raw[2] = regs->r9;
		in_registers = 3;
	} else {
		// the area of saved registers nearly always follows the list in the caller's frame
		if (read_user(s->near, 256, regs->cx))
			goto unreadable;
		s->list = *(struct argument_list *)s->near;
		u64 at = s->list.save_area + s->list.gp_offset - regs->cx;
		if (s->list.gp_offset == 16)
			in_registers = 4;
		else if (s->list.gp_offset == 24)
			in_registers = 3;
		if (at <= 224) {
			at >>= 3;
			BOUND(at, 31);
			s->raw[0] = s->near[at];
			s->raw[1] = s->near[at + 1];
			s->raw[2] = s->near[at + 2];
			s->raw[3] = s->near[at + 3];
		} else if (in_registers && read_user(s->raw, 32, s->list.save_area + s->list.gp_offset)) {
			goto unreadable;
		}
		on_stack = s->list.overflow_area;
	}
	// most events have no more: reading the stack costs
	if (*(volatile u32 *)&s->raw_count > in_registers) {
		if (in_registers == 4 && read_user(&s->raw[4], 96, on_stack))
			goto unreadable;
		if (in_registers == 3 && read_user(&s->raw[3], 96, on_stack))
			goto unreadable;
		if (in_registers == 0 && read_user(&s->raw[0], 96, on_stack))
			goto unreadable;
	}
	return;
unreadable:
	s->act.head[0].flags |= EVENT_FLAG_PARTIAL;
}

static inline u32 argument_kind_of(u8 code)
{
	if (code == 'O' || code == 'S' || code == 'N' || code == 'U')
		return ARGUMENT_KIND_OBJECT;
	if (code == 's' || code == 'z' || code == 'y')
		return ARGUMENT_KIND_C_STRING;
	if (code == 'u')
		return ARGUMENT_KIND_WIDE_STRING;
	return ARGUMENT_KIND_RAW;
}

static inline bool is_format_letter(u8 code)
{
	return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

// Queue the arguments that a Py_BuildValue format announces. Twice over the format: how many, then which.
static inline void queue_formatted(struct scratch *s, const struct registers *regs, u32 kind, u32 stack_adjust)
{
	const u8 *format = s->act.format;
	u32 raw = 0;
	for (u64 i = 0; i < 24; i++) {
		ROUND(s, i);
		BOUND(i, 31);
		if (i >= 24 || !format[i])
			break;
		if (is_format_letter(format[i]) || format[i] == '#')
			raw++;
	}
	s->raw_count = raw;
	take_raw_arguments(s, regs, kind, stack_adjust);
	*(volatile u32 *)&s->raw_count = 0;
	for (u64 i = 0; i < 24; i++) {
		ROUND(s, i);
		BOUND(i, 31);
		if (i >= 24 || !format[i])
			break;
		u32 n = *(volatile u32 *)&s->raw_count;
		OPAQUE(n);
		if (n >= 12) {
			s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
			break;
		}
		BOUND(n, 15);
		if (!is_format_letter(format[i]))
			continue;
		u32 argument = argument_kind_of(format[i]);
		u32 length = 0, taken = 1;
		if (argument == ARGUMENT_KIND_C_STRING && format[i + 1] == '#') {
			argument = ARGUMENT_KIND_C_BYTES;
			length = s->raw[n + 1];
			taken = 2;
		}
		add_argument(s, argument, s->raw[n], length);
		*(volatile u32 *)&s->raw_count = n + taken;
	}
}
