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

// True where the call is the one told last: RESUME is executed again, see calls.bpf.c.
static inline bool was_told(struct scratch *s, const struct entry *e, const struct kernel_layout *l)
{
	struct call_count last = {};
	last.frame = s->told.frame;
	last.instruction = s->told.instruction;
	last.version = s->told.version;
	last.is_outdated = s->told.is_outdated;
	bool is_same = is_again(&last, e, l);
	s->told.frame = last.frame;
	s->told.instruction = last.instruction;
	s->told.version = last.version;
	s->told.is_outdated = last.is_outdated;
	return is_same;
}

int on_function(struct pt_regs *ctx)
{
	struct hit h;
	struct entry e = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	find_entry(&e, ctx, &h);
	if (!take_entry(&e, h.l, h.site) || e.is_resumption)
		return 0;
	struct function *f = &e.function;
	f->generation = generation_of(h.freed, h.p->image, f->code);
	f->caller_generation = 0;
	struct place place = {.image = h.p->image, .id = f->code};
	struct function_decision *known = decisions.lookup(&place);
	if (known && known->generation == f->generation && known->is_unwanted)
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s) {
		count(SIGNAL_CALL, COUNTER_SEEN);
		count(SIGNAL_CALL, COUNTER_LOST);
		return 0;
	}
	f->caller = code_of_caller(h.l, f->caller);
	if (was_told(s, &e, h.l) || !is_wanted(s, &h, f, &place))
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
