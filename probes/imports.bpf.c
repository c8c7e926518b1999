// Import statements (PyImport_ImportModuleLevelObject) and how they end.

// (name, globals, locals, fromlist, level)
static inline bool take_import(struct scratch *s, const struct kernel_layout *l)
{
	s->found.from = 0;
	read_user(&s->found.from, 8, s->registers.sp + s->current.stack_adjust);
	u64 caller = s->found.from - s->current.base;
	if (caller == l->inner_import_return || caller == l->inner_import_return2)
		return false; // CPython's own call for the first part of a dotted name
	const struct registers *regs = &s->registers;
	forget_name(s);
	add_argument(s, ARGUMENT_KIND_OBJECT, regs->di, 0);
	add_argument(s, ARGUMENT_KIND_OBJECT, regs->cx, 0);
	add_argument(s, ARGUMENT_KIND_RAW, (u32)regs->r8, 0);
	s->current.name = 1;
	return true;
}

// _find_and_load has returned. The act is the last audit event "import" of the same frame; those begun later, whose
// result never came (a hook raised), are forgotten.
static inline void finish_import(struct scratch *s, bool is_found)
{
	const struct act *act = &s->current;
	u32 n = *(volatile u32 *)&s->pending_import_count;
	for (u32 i = 0; i < MAX_PENDING_IMPORTS; i++) {
		n--;
		OPAQUE(n);
		if (n >= MAX_PENDING_IMPORTS)
			break; // begun before we looked, or in a thread whose scratch was recycled
		BOUND(n, MAX_PENDING_IMPORTS - 1);
		const struct pending_import *pending = &s->pending_imports[n];
		if (pending->frame != s->frame_addresses[0])
			continue;
		*(volatile u32 *)&s->pending_import_count = n;
		struct act_key key = {.account = act->account,
				      .stack = pending->stack,
				      .arguments = pending->arguments,
				      .name = pending->name,
				      .signal = SIGNAL_AUDIT};
		struct act_count *known = is_found ? 0 : acts.lookup(&key);
		if (known)
			__sync_fetch_and_add(&known->failed, 1);
		return;
	}
	if (!is_found)
		count(SIGNAL_IMPORT, COUNTER_UNMATCHED);
}
