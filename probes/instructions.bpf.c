// --instructions: each instruction that is executed; sites: cpython/body_sites.py

BPF_HASH(instruction_decisions, struct place, struct function_decision, MAX_FUNCTIONS);

// The registers of an opcode's body, by their place in struct pt_regs.
static inline u64 register_at(struct pt_regs *ctx, u32 place)
{
	struct site site = {.result_register = place};
	return frame_at(ctx, &site);
}

// Up to 3.10: f_lasti is an offset into co_code, a bytes object.
static inline u64 old_instruction(struct instruction_event *event, const struct hit *h, s32 last)
{
	u64 bytecode = 0;
	event->instruction = h->site->flags & ENTRY_FLAG_INSTRUCTION_IN_WORDS ? last * 2 : last;
	bpf_probe_read_user(&bytecode, 8, (void *)(event->code + h->site->stack_adjust));
	return bytecode + h->l->bytes_data + event->instruction;
}

// Take what is executed; false where it cannot be read.
static inline bool read_instruction(struct instruction_event *event, struct pt_regs *ctx, const struct hit *h)
{
	u64 block[BLOCK_BYTES / 8] = {}, address;
	if (!event->frame || read_frame(h->l, block, event->frame))
		return false;
	event->code = BLOCK_FIELD(block, u64, h->l->frame_code) & ~3ULL;
	if (!h->l->instruction_mask) {
		address = old_instruction(event, h, BLOCK_FIELD(block, s32, h->l->frame_instruction));
	} else {
		address = BLOCK_FIELD(block, u64, h->l->frame_instruction);
		if (h->site->flags & ENTRY_FLAG_INSTRUCTION_IN_REGISTER)
			address = register_at(ctx, h->site->stack_adjust);
		event->instruction = address - event->code - h->l->code_bytecode;
	}
	return bpf_probe_read_user(&event->words, 8, (void *)address) == 0;
}

// The opcode in these words; up to 3.10 after what extends its argument, which has no f_lasti of its own.
static inline u32 opcode_in(u64 words, bool is_old)
{
	for (u32 i = 0; i < 3 && is_old && (words & 0xff) == 144; i++)
		words >>= 16;
	return words & 0xff;
}

// Tell whether the opcode in the code is that of the site, or one of the two that may cover it.
static inline bool is_of_site(u32 opcodes, u32 opcode)
{
	return opcode == (opcodes & 0xff) || opcode == (opcodes >> 8 & 0xff) || opcode == (opcodes >> 16 & 0xff);
}

// Tell whether it will be executed here: what is replaced is executed again, what another body left to this one was
// told of there.
static inline bool take_instruction(struct instruction_event *event, struct pt_regs *ctx, const struct hit *h)
{
	if (!read_instruction(event, ctx, h)) {
		count(SIGNAL_INSTRUCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	u32 opcode = opcode_in(event->words, !h->l->instruction_mask);
	u32 opcodes = h->site->opcode; // of the site, and in the highest byte where counting down ends
	event->is_joined = h->site->flags & ENTRY_FLAG_IS_JOINED && !is_of_site(opcodes, opcode);
	bool is_replaced = (event->words >> 16 & 0xffff) < opcodes >> 24;
	return event->is_joined ? h->site->flags & ENTRY_FLAG_TELLS_JOINED : !is_replaced;
}

static inline void send_instruction(struct instruction_event *event, const struct hit *h, u32 site)
{
	fill_head(&event->head[0], h->id, EVENT_KIND_INSTRUCTION, h->p->image);
	event->site = site;
	count(SIGNAL_INSTRUCTION, COUNTER_SEEN);
	if (ring.ringbuf_output(event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SIGNAL_INSTRUCTION, COUNTER_LOST);
}

// Describe a code object once, for userspace to decide by name; until it has, its instructions are told.
static inline bool is_code_wanted(struct scratch *s, const struct hit *h, struct function *f)
{
	struct place place = {.image = h->p->image, .id = f->code};
	struct function_decision *known = instruction_decisions.lookup(&place), fresh = {.generation = f->generation};
	if (known && known->generation == f->generation)
		return known->is_unwanted == 0;
	fresh.is_unwanted = h->l->instruction_mask && !is_told(h->l, f->code);
	if (!fresh.is_unwanted) {
		s->current.layout = h->site->layout;
		if (!name_function(s, h->l, place.image, f))
			return true;
		FORGET();
	}
	if (instruction_decisions.update(&place, &fresh))
		count(SIGNAL_INSTRUCTION, COUNTER_TABLE_FULL);
	FORGET();
	return fresh.is_unwanted == 0;
}

// Where the frame is: in a register, or up to 3.10 what the thread state says.
static inline void find_frame(struct instruction_event *event, struct pt_regs *ctx, const struct hit *h,
			      struct scratch *s)
{
	event->frame = h->l->instruction_mask ? frame_at(ctx, h->site) : current_frame(s, h);
	FORGET();
}

int on_instruction(struct pt_regs *ctx)
{
	struct hit h;
	struct instruction_event event = {};
	struct function f = {};
	if (!begin_hit(&h, ctx, false))
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s) {
		count(SIGNAL_INSTRUCTION, COUNTER_NO_SCRATCH);
		return 0;
	}
	find_frame(&event, ctx, &h, s);
	if (!take_instruction(&event, ctx, &h))
		return 0;
	f.code = event.code;
	f.generation = generation_of(h.freed, h.p->image, f.code);
	event.generation = f.generation;
	if (is_code_wanted(s, &h, &f))
		send_instruction(&event, &h, get_attach_cookie(ctx));
	return 0;
}

// The same on a program of ours, whose instructions are known.
int on_instruction_calibration(struct pt_regs *ctx)
{
	struct hit h;
	struct instruction_event event = {};
	if (!begin_hit(&h, ctx, true))
		return 0;
	struct scratch *s = get_scratch(h.id);
	if (!s)
		return 0;
	find_frame(&event, ctx, &h, s);
	if (take_instruction(&event, ctx, &h) && (!h.l->instruction_mask || is_told(h.l, event.code)))
		send_instruction(&event, &h, get_attach_cookie(ctx));
	return 0;
}
