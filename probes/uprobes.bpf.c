// The entry point of all uprobes; a probe's cookie is the index of its site.

static inline void copy_registers(struct registers *to, struct pt_regs *ctx)
{
	to->di = ctx->di;
	to->si = ctx->si;
	to->dx = ctx->dx;
	to->cx = ctx->cx;
	to->r8 = ctx->r8;
	to->r9 = ctx->r9;
	to->sp = ctx->sp;
}

// What was made: false where it is no code object.
static inline bool take_made_code(struct scratch *s, const struct kernel_layout *l)
{
	s->found.from = 0;
	if (!HAS_MAY_GOTO || !s->registers.result ||
	    read_user(&s->found.from, 8, s->registers.result + l->object_type) ||
	    s->found.from != s->current.base + l->code_type)
		return false;
	FORGET();
	s->found.from = 1;
	if (l->code_bytecode) // one without instructions is made by Cython for each of its functions
		read_user(&s->found.from, 8, s->registers.result + l->object_size);
	FORGET();
	if (!s->found.from)
		return false;
	s->given_code = s->registers.result;
	return true;
}

// Take what the site's function was given; false where that is no act.
static inline bool take_act(struct scratch *s, const struct settings *conf, const struct kernel_layout *l)
{
	u32 kind = s->current.kind;
	if (kind <= SITE_KIND_AUDIT_PUBLIC)
		return take_audit(s, conf, l);
	if (kind == SITE_KIND_SYS_AUDIT)
		return take_sys_audit(s, conf, l);
	if (kind == SITE_KIND_IMPORT)
		return take_import(s, l);
	if (kind == SITE_KIND_IMPORT_RESULT)
		return s->pending_import_count || !s->registers.result;
	if (kind == SITE_KIND_CODE_RESULT)
		return take_made_code(s, l);
	return kind == SITE_KIND_FFI_CALL ? take_ffi_call(s) : take_dlopen(s);
}

static inline u32 signal_of(u32 kind)
{
	if (kind == SITE_KIND_FFI_CALL)
		return SIGNAL_CALL;
	if (kind == SITE_KIND_CODE_RESULT)
		return SIGNAL_AUDIT;
	return kind >= SITE_KIND_DLOPEN ? SIGNAL_DLL_LOAD : kind >= SITE_KIND_IMPORT ? SIGNAL_IMPORT : SIGNAL_AUDIT;
}

static inline void finish_act(struct scratch *s, const struct settings *conf, const struct kernel_layout *l,
			      bool is_method)
{
	struct act *act = &s->current;
	bool is_made = !is_method && act->kind == SITE_KIND_CODE_RESULT;
	bool has_gil = is_method || act->kind < SITE_KIND_DLOPEN || is_made;
	if (!act->state && l->frame_block_size)
		act->state = thread_state(conf, l, act->base, has_gil);
	FORGET();
	if (act->state || has_gil)
		act->stack = walk_frames(s, conf, l, act->state, act->signal);
	FORGET();
	if (!is_method && act->kind == SITE_KIND_IMPORT_RESULT) {
		finish_import(s, s->registers.result != 0);
		return;
	}
	if (!is_made)
		count(act->signal, COUNTER_SEEN);
	if (s->act.head[0].flags & (EVENT_FLAG_PARTIAL | EVENT_FLAG_FORMAT_UNREAD))
		count(act->signal, COUNTER_UNREADABLE_ARGUMENT);
	if (s->act.head[0].flags & EVENT_FLAG_NAME_UNREAD)
		count(act->signal, COUNTER_UNREADABLE_NAME);
	FORGET();
	if (!is_method && act->signal == SIGNAL_AUDIT && s->given_code)
		describe_given(s, l, l->code_string_count * 8, is_made);
	FORGET();
	if (is_made)
		return;
	record_act(s, conf, l, SOURCE_UPROBE);
	if (!is_method && act->signal == SIGNAL_AUDIT && is_import(s))
		push_import(s, act);
}

static inline int take_hit(struct pt_regs *ctx, bool is_method)
{
	u32 zero = 0;
	const struct settings *conf = settings.lookup(&zero);
	if (!conf)
		return 0;
	u64 id = current_id(conf);
	u32 pid = id >> 32;
	struct traced_process *p = traced.lookup(&pid);
	if (!p || p->image <= CALIBRATION_IMAGE)
		return 0;
	u32 index = get_attach_cookie(ctx);
	const struct site *site = sites.lookup(&index);
	if (!site)
		return 0;
	if (site->layout != ABSENT)
		learn_base(p, site, ctx->ip);
	if (!is_method && site->kind == SITE_KIND_CODE_DEALLOC) {
		forget_code(p, ctx->di);
		return 0;
	}
	u32 layout = p->layout == ABSENT ? MAX_LAYOUTS - 1 : p->layout; // the last layout is empty: no Python
	const struct kernel_layout *l = layouts.lookup(&layout);
	struct scratch *s = get_scratch(id);
	u32 signal = is_method ? SIGNAL_CALL : signal_of(site->kind);
	if (!s || !l) {
		count(signal, COUNTER_SEEN);
		count(signal, COUNTER_LOST);
		return 0;
	}
	copy_registers(&s->registers, ctx);
	if (!is_method && (site->kind == SITE_KIND_IMPORT_RESULT || site->kind == SITE_KIND_CODE_RESULT))
		bpf_probe_read_kernel(&s->registers.result, 8, (void *)((u64)ctx + (site->result_register & 15) * 8));
	begin_act(s, p, site, index, signal);
	FORGET();
	if (!(is_method ? take_method(s, l) : take_act(s, conf, l)))
		return 0;
	FORGET();
	decode_arguments(s, l, s->current.base);
	forget_addresses(s);
	FORGET();
	finish_act(s, conf, l, is_method);
	return 0;
}

int on_site(struct pt_regs *ctx)
{
	return take_hit(ctx, false);
}

// C functions by name have a program of their own: it is loaded only where some are asked for.
int on_method(struct pt_regs *ctx)
{
	return take_hit(ctx, true);
}
