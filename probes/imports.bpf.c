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

// _find_and_load has returned. The act is the audit event "import" with the same stack: those begun later whose
// result never came (a hook raised) are dropped on the way.
static inline void finish_import(struct scratch *s, bool is_found)
{
	const struct act *act = &s->current;
	for (u32 i = 0; i < 16; i++) {
		OPAQUE(i);
		u32 n = *(volatile u32 *)&s->pending_import_count - 1;
		OPAQUE(n);
		if (i >= 16 || n >= 16)
			return;
		BOUND(n, 15);
		*(volatile u32 *)&s->pending_import_count = n;
		if (s->pending_imports[n] != act->stack)
			continue;
		struct act_key key = {.image = act->image,
				      .stack = act->stack,
				      .arguments = s->pending_imports[16 + n],
				      .name = s->pending_names[n],
				      .signal = SIGNAL_AUDIT};
		struct act_count *known = is_found ? 0 : acts.lookup(&key);
		if (known)
			__sync_fetch_and_add(&known->failed, 1);
		return;
	}
}
