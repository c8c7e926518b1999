// What a Python function was called with: the first of its frame's locals.

enum { VARIABLE_ARGUMENTS = 4, VARIABLE_KEYWORDS = 8 }; // Include/cpython/code.h, CO_VARARGS and CO_VARKEYWORDS
enum { LOCAL_IS_CELL = 0x40 }; // Include/internal/pycore_code.h, CO_FAST_CELL
#define MAX_CELLS 8
#define MAX_NAMED_KEYWORDS 3

static inline u32 read_count(u64 at)
{
	u32 value = 0;
	read_user(&value, 4, at);
	return value;
}

// Where the parameters of a code object are told; how many there are, `*` and `**` among them.
static inline void find_parameters(struct scratch *s, const struct kernel_layout *l, u64 code)
{
	struct parameters *p = &s->parameters;
	p->flags = read_count(code + l->code_flags) & (VARIABLE_ARGUMENTS | VARIABLE_KEYWORDS);
	p->positional = read_count(code + l->code_argument_count);
	p->keyword_only = read_count(code + l->code_keyword_only_count);
	p->count = p->positional + p->keyword_only + (p->flags >> 2 & 1) + (p->flags >> 3 & 1);
	p->kinds = p->cells = p->names = 0;
	p->cell_count = 0;
	read_user(&p->names, 8, code + l->code_local_names);
	if (l->code_local_kinds != ABSENT) {
		read_user(&p->kinds, 8, code + l->code_local_kinds);
	} else {
		p->first_cell = read_count(code + l->code_local_count);
		read_user(&p->cells, 8, code + l->code_cell_arguments);
		s->found.from = 0;
		read_user(&s->found.from, 8, code + l->code_cell_names);
		if (p->cells && s->found.from && !read_user(s->near, MAX_CELLS * 8, p->cells))
			p->cell_count = read_count(s->found.from + l->object_size);
	}
	FORGET();
}

// The value of a parameter; those that inner functions share are in cells.
static inline u64 parameter_at(struct scratch *s, const struct kernel_layout *l, u64 frame, u64 index)
{
	const struct parameters *p = &s->parameters;
	u64 locals = frame + l->frame_locals, cell = 0;
	u8 kind = 0;
	s->found.from = 0;
	if (read_user(&s->found.from, 8, locals + index * 8))
		s->act.head[0].flags |= EVENT_FLAG_PARTIAL;
	s->found.from &= ~3ULL; // 3.14: tag bits of _PyStackRef
	if (p->kinds)
		read_user(&kind, 1, p->kinds + l->bytes_data + index);
	if (kind & LOCAL_IS_CELL)
		cell = s->found.from;
	for (u32 i = 0; i < MAX_CELLS && !p->kinds; i++) // up to 3.10: the local is empty then
		if (i < p->cell_count && s->near[i] == index)
			read_user(&cell, 8, locals + (p->first_cell + i) * 8);
	if (cell)
		read_user(&s->found.from, 8, cell + l->cell_value);
	FORGET();
	return s->found.from;
}

// Queue the first names and values of a dict of keyword arguments.
static inline void queue_keywords(struct scratch *s, const struct kernel_layout *l, u64 dict)
{
	volatile struct method_call *c = &s->method;
	c->keywords = 0;
	find_entries(s, l, dict);
	FORGET();
	s->act.arguments[3].value = c->keywords;
	if (c->keywords > MAX_NAMED_KEYWORDS)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	for (u32 i = 0; i < 2 * MAX_NAMED_KEYWORDS; i++) {
		ROUND(s, i);
		if (i >= 2 * MAX_NAMED_KEYWORDS || i / 2 >= c->keywords)
			break;
		u64 at = i & 1 ? c->values + (u64)(i / 2) * c->value_step : c->names + (u64)(i / 2) * c->name_step;
		s->found.from = 0;
		if (read_user(&s->found.from, 8, at))
			s->act.head[0].flags |= EVENT_FLAG_PARTIAL;
		FORGET();
		add_argument(s, ARGUMENT_KIND_OBJECT, s->found.from, 0);
		FORGET();
	}
}

// Queue code object, its generation, how many parameters follow, how many keywords in `**`; then these.
static inline void take_parameters(struct scratch *s, const struct kernel_layout *l, const struct function *f,
				   u64 frame)
{
	volatile struct parameters *p = &s->parameters;
	find_parameters(s, l, f->code);
	u32 told = p->count > MAX_PARAMETERS ? MAX_PARAMETERS : p->count;
	if (p->count > told)
		s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
	add_argument(s, ARGUMENT_KIND_RAW, f->code, 0);
	add_argument(s, ARGUMENT_KIND_RAW, f->generation, 0);
	add_argument(s, ARGUMENT_KIND_RAW, told, 0);
	add_argument(s, ARGUMENT_KIND_RAW, 0, 0);
	for (u32 i = 0; i < MAX_PARAMETERS; i++) {
		ROUND(s, i);
		if (i >= MAX_PARAMETERS || i >= p->count)
			break;
		add_argument(s, ARGUMENT_KIND_OBJECT, parameter_at(s, l, frame, i), 0);
		FORGET();
	}
	if (p->flags & VARIABLE_KEYWORDS)
		queue_keywords(s, l, parameter_at(s, l, frame, p->count - 1));
}

// Send the names of a function's parameters.
static inline bool send_parameters(struct scratch *s, const struct kernel_layout *l, u64 image,
				   const struct function *f)
{
	volatile struct parameters *p = &s->parameters;
	struct parameters_event *e = (struct parameters_event *)&s->code;
	struct text *t = &s->text;
	find_parameters(s, l, f->code);
	fill_head(&e->head[0], s->owner, EVENT_KIND_PARAMETERS, image);
	e->code = f->code;
	e->generation = f->generation;
	e->positional = p->positional;
	e->keyword_only = p->keyword_only;
	e->flags = p->flags;
	for (u32 i = 0; i < MAX_PARAMETERS; i++) {
		ROUND(s, i);
		if (i >= MAX_PARAMETERS)
			break;
		u32 place = i;
		BOUND(place, 15);
		struct parameter_name *name = &e->names[place];
		name->size = 0;
		s->found.from = 0;
		if (i < p->count)
			read_user(&s->found.from, 8, p->names + l->tuple_items + (u64)i * 8);
		FORGET();
		t->header.state = 0;
		t->header.length = 0;
		read_user(&t->header, sizeof(t->header), s->found.from + l->unicode_length);
		FORGET();
		u64 data = s->found.from + (t->header.state >> 6 & 1 ? l->unicode_ascii_size : l->unicode_compact_size);
		u32 size = look_at_text(s);
		if (size > PARAMETER_NAME_BYTES)
			size = PARAMETER_NAME_BYTES;
		BOUND(size, 63);
		name->kind = t->kind;
		if (!read_user(name->text, size, data))
			name->size = size;
		FORGET();
	}
	return ring.ringbuf_output(e, sizeof(*e), BPF_RB_NO_WAKEUP) == 0;
}
