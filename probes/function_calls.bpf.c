// --function MODULE:NAME: calls of Python functions with their arguments.

BPF_HASH(decisions, struct place, struct function_decision, MAX_FUNCTIONS);
BPF_HASH(wanted_names, struct wanted_name, u8, MAX_WANTED_NAMES); // empty: any

// False where no pattern can mean a function of this name, whatever its module is.
static inline bool may_be_wanted(struct scratch *s, const struct kernel_layout *l, const struct function *f)
{
	struct wanted_name *name = (struct wanted_name *)&s->code;
	u64 object = 0;
	__builtin_memset(name, 0, sizeof(*name));
	if (!wanted_names.lookup(name))
		return true;
	if (read_user(&object, 8, f->code + l->code_strings + 8)) // co_name
		return true;
	read_name(s, l, name->text, object);
	if (s->text.kind != 1 || s->text.is_cut || s->text.bytes >= sizeof(*name))
		return true;
	return wanted_names.lookup(name);
}

// Never ask of this function again, as long as it is there. Without a name, what is freed would not be noticed.
static inline void refuse(struct place *place, u32 *generation, struct function_decision *decision)
{
	decision->is_unwanted = 1;
	if (named_codes.lookup(place) || !named_codes.insert(place, generation))
		decisions.update(place, decision);
}

// Whether calls of this function are to be told. Userspace decides by name: until it has, they are.
static inline bool is_wanted(struct scratch *s, const struct hit *h, struct function *f, struct place *place)
{
	struct function_decision *known = decisions.lookup(place), fresh = {.generation = f->generation};
	if (known && known->generation == f->generation)
		return known->is_unwanted == 0;
	note_met(h->freed, f->code);
	if (!may_be_wanted(s, h->l, f)) {
		refuse(place, &f->generation, &fresh);
		return false;
	}
	FORGET();
	s->current.layout = h->site->layout;
	f->caller_generation = f->caller ? generation_of(h->freed, place->image, f->caller) : 0;
	if (!name_function(s, h->l, place->image, f))
		return true;
	FORGET();
	if (send_parameters(s, h->l, place->image, f))
		decisions.update(place, &fresh);
	FORGET();
	return true;
}

// Read only what tells which function is entered; false where it cannot be read.
static inline bool read_entered_code(struct entry *e, const struct kernel_layout *l)
{
	u64 code = 0;
	if (!e->frame || bpf_probe_read_user(&code, 8, (void *)(e->frame + l->frame_block_start + l->frame_code))) {
		count(SIGNAL_FUNCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	e->function.code = code & ~3ULL;
	return true;
}

int on_function(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	find_entry(&e, ctx, &h);
	if (!read_entered_code(&e, h.l))
		return 0;
	e.function.generation = generation_of(h.freed, h.p->image, e.function.code);
	struct place place = {.image = h.p->image, .id = e.function.code};
	struct function_decision *known = decisions.lookup(&place);
	if (known && known->generation == e.function.generation && known->is_unwanted)
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s) {
		count(SIGNAL_CALL, COUNTER_SEEN);
		count(SIGNAL_CALL, COUNTER_LOST);
		return 0;
	}
	if (!read_entry_by(&e, h.l, s->near) || !judge_entry(&e, h.l, h.site) || e.is_resumption)
		return 0;
	e.function.caller = code_of_caller_by(h.l, e.function.caller, s->near);
	e.function.caller_generation = 0;
	if (is_again(&s->told, &e, h.l)) // the call told last: RESUME is executed again, see calls.bpf.c
		return 0;
	struct function *f = &e.function;
	if (!is_wanted(s, &h, f, &place))
		return 0;
	FORGET();
	begin_act(s, h.p, h.site, get_attach_cookie(ctx), SIGNAL_CALL);
	forget_name(s);
	s->current.name = mix(f->code, f->generation) | 1;
	FORGET();
	take_parameters(s, h.l, f, e.frame);
	FORGET();
	decode_arguments(s, h.l, s->current.base);
	forget_addresses(s);
	FORGET();
	s->walk.frame = e.frame;
	s->current.stack = walk_from(s, h.conf, h.l, SIGNAL_CALL);
	FORGET();
	count(SIGNAL_CALL, COUNTER_SEEN);
	if (s->act.head[0].flags & EVENT_FLAG_PARTIAL)
		count(SIGNAL_CALL, COUNTER_UNREADABLE_ARGUMENT);
	FORGET();
	record_act(s, h.conf, h.l, SOURCE_UPROBE);
	return 0;
}
