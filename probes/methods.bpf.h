// C functions that Python code calls by name (PyMethodDef); sites: pyxhon/functions.py

#define MAX_POSITIONAL 10
#define MAX_KEYWORDS 5

// What is told of the first argument: a module's or container's content would be of no use.
static inline void take_self(struct scratch *s, const struct kernel_layout *l, u64 self)
{
	u32 flags = s->current.flags, kind = ARGUMENT_KIND_C_STRING;
	u64 type = self;
	s->found.from = 0;
	s->found.flags = 0;
	if (flags == SELF_KIND_INSTANCE) {
		read_user(&s->found.flags, 8, self + l->object_type);
		type = s->found.flags;
	}
	FORGET();
	if (flags == SELF_KIND_INSTANCE || flags == SELF_KIND_CLASS) {
		read_user(&s->found.from, 8, type + l->type_name);
	} else if (flags == SELF_KIND_SOCKET) {
		kind = ARGUMENT_KIND_RAW; // PySocketSockObject.sock_fd, an int, is the first member
		read_user(&s->found.from, 4, self + l->object_size);
	} else {
		kind = flags == SELF_KIND_VALUE ? ARGUMENT_KIND_OBJECT : ARGUMENT_KIND_NULL;
		s->found.from = flags == SELF_KIND_VALUE ? self : 0;
	}
	FORGET();
	add_argument(s, kind, s->found.from, 0);
}

static inline u64 count_items(struct scratch *s, const struct kernel_layout *l, u64 tuple)
{
	s->found.length = 0;
	if (tuple)
		read_user(&s->found.length, 8, tuple + l->object_size);
	FORGET();
	return s->found.length;
}

// Where the arguments are, by the ways to be called (Include/methodobject.h).
static inline void find_items(struct scratch *s, const struct kernel_layout *l)
{
	struct method_call *c = &s->method;
	const struct registers *regs = &s->registers;
	u32 kind = s->current.kind;
	u64 shift = kind == SITE_KIND_METHOD_METHOD;
	u64 items = shift ? regs->dx : regs->si, given = shift ? regs->cx : regs->dx,
	    names = shift ? regs->r8 : regs->cx;
	c->keywords = 0;
	c->name_step = c->value_step = 8;
	c->items = items;
	c->given = given;
	if (kind == SITE_KIND_METHOD_VARARGS || kind == SITE_KIND_METHOD_KEYWORDS) {
		c->items = items + l->tuple_items;
		c->given = count_items(s, l, items);
		if (kind == SITE_KIND_METHOD_KEYWORDS)
			find_entries(s, l, given);
	} else if (kind >= SITE_KIND_METHOD_FASTCALL_KEYWORDS) {
		c->names = names + l->tuple_items;
		c->values = items + given * 8;
		c->keywords = count_items(s, l, names);
	} else if (kind <= SITE_KIND_METHOD_O) {
		c->given = kind == SITE_KIND_METHOD_O;
	}
	FORGET();
}

// Queue self, how many positional and keyword arguments there are, the first ones, and name and value of keywords.
static inline bool take_method(struct scratch *s, const struct kernel_layout *l)
{
	volatile struct method_call *c = &s->method;
	forget_name(s);
	s->current.name = s->current.site;
	find_items(s, l);
	take_self(s, l, s->registers.di);
	add_argument(s, ARGUMENT_KIND_RAW, c->given, 0);
	add_argument(s, ARGUMENT_KIND_RAW, c->keywords, 0);
	if (c->given > MAX_POSITIONAL || c->keywords > MAX_KEYWORDS)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	if (s->current.kind == SITE_KIND_METHOD_O) {
		add_argument(s, ARGUMENT_KIND_OBJECT, s->registers.si, 0);
		return true;
	}
	for (u32 i = 0; i < MAX_POSITIONAL + 2 * MAX_KEYWORDS; i++) {
		ROUND(s, i);
		if (i >= MAX_POSITIONAL + 2 * MAX_KEYWORDS)
			break;
		u64 at, keyword = (i - MAX_POSITIONAL) / 2;
		if (i < MAX_POSITIONAL ? i >= c->given : keyword >= c->keywords)
			continue;
		if (i < MAX_POSITIONAL)
			at = c->items + (u64)i * 8;
		else if (i & 1)
			at = c->values + keyword * c->value_step;
		else
			at = c->names + keyword * c->name_step;
		s->found.from = 0;
		if (read_user(&s->found.from, 8, at))
			s->act.head[0].flags |= EVENT_FLAG_PARTIAL;
		FORGET();
		add_argument(s, ARGUMENT_KIND_OBJECT, s->found.from, 0);
		FORGET();
	}
	return true;
}
