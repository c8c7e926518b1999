// DLLs loaded by the C library's dlopen and dlmopen, and functions of DLLs called through libffi.

static inline bool take_dlopen(struct scratch *s)
{
	const struct registers *regs = &s->registers;
	forget_name(s);
	bool has_namespace = s->current.kind == SITE_KIND_DLMOPEN;
	u64 path = has_namespace ? regs->si : regs->di, flags = has_namespace ? regs->dx : regs->si;
	add_argument(s, ARGUMENT_KIND_C_STRING, path, 0);
	add_argument(s, ARGUMENT_KIND_RAW, (u32)flags, 0);
	if (has_namespace)
		add_argument(s, ARGUMENT_KIND_RAW, regs->di, 0);
	s->current.name = s->current.kind;
	return true;
}

// Which arguments the function is given, only its caller knows: the description in cif is of machine types.
static inline bool take_ffi_call(struct scratch *s)
{
	forget_name(s);
	add_argument(s, ARGUMENT_KIND_RAW, s->registers.si, 0);
	s->current.name = SITE_KIND_FFI_CALL;
	return true;
}
