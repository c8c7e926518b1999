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

// Take the frame and its code object; false where they cannot be read. Up to 3.10 the thread state names the frame.
static inline bool read_code(struct instruction_event *event, u64 *block, struct pt_regs *ctx, const struct hit *h)
{
	if (h->l->instruction_mask) {
		event->frame = frame_at(ctx, h->site);
	} else {
		struct scratch *s = get_scratch(h->id);
		if (!s) {
			count(SIGNAL_INSTRUCTION, COUNTER_NO_SCRATCH);
			return false;
		}
		event->frame = current_frame(s, h);
		FORGET();
	}
	if (!event->frame || read_frame(h->l, block, event->frame)) {
		count(SIGNAL_INSTRUCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	event->code = BLOCK_FIELD(block, u64, h->l->frame_code) & ~3ULL;
	event->generation = generation_of(h->freed, h->p->image, event->code);
	return true;
}

// Take what is executed; false where it cannot be read.
static inline bool read_words(struct instruction_event *event, u64 *block, struct pt_regs *ctx, const struct hit *h)
{
	u64 address;
	if (!h->l->instruction_mask) {
		address = old_instruction(event, h, BLOCK_FIELD(block, s32, h->l->frame_instruction));
	} else {
		address = BLOCK_FIELD(block, u64, h->l->frame_instruction);
		if (h->site->flags & ENTRY_FLAG_INSTRUCTION_IN_REGISTER)
			address = register_at(ctx, h->site->stack_adjust);
		event->instruction = address - event->code - h->l->code_bytecode;
	}
	if (bpf_probe_read_user(&event->words, 8, (void *)address)) {
		count(SIGNAL_INSTRUCTION, COUNTER_UNREADABLE_FRAME);
		return false;
	}
	return true;
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
static inline bool is_executed(struct instruction_event *event, const struct hit *h)
{
	u32 opcode = opcode_in(event->words, !h->l->instruction_mask);
	u32 opcodes = h->site->opcode; // of the site, and in the highest byte where counting down ends
	event->is_joined = h->site->flags & ENTRY_FLAG_IS_JOINED && !is_of_site(opcodes, opcode);
	bool is_replaced = (event->words >> 16 & 0xffff) < opcodes >> 24;
	return event->is_joined ? h->site->flags & ENTRY_FLAG_TELLS_JOINED : !is_replaced;
}

static inline bool send_instruction(struct instruction_event *event, const struct hit *h, u32 site)
{
	fill_head(&event->head[0], h->id, EVENT_KIND_INSTRUCTION, h->p->image);
	event->site = site;
	return ring.ringbuf_output(event, sizeof(*event), BPF_RB_NO_WAKEUP) == 0;
}

// Describe a code object once, for userspace to decide by name: until it has, its instructions are told. Those of what
// C code makes for itself are not.
static inline bool describe_code(struct place *place, struct instruction_event *event, const struct hit *h,
				 u64 previous)
{
	struct function f = {.code = event->code};
	struct function_decision fresh = {.generation = event->generation};
	struct scratch *s = get_scratch(h->id);
	if (!s) {
		count(SIGNAL_INSTRUCTION, COUNTER_NO_SCRATCH);
		return false;
	}
	fresh.is_unwanted = h->l->instruction_mask && !is_told(h->l, f.code);
	if (!fresh.is_unwanted) {
		f.caller = code_of_caller(h->l, previous);
		take_generations(&f, h->freed, place->image);
		if (!name_both(s, h, &f))
			return true;
		FORGET();
	}
	struct function_decision *known = instruction_decisions.lookup(place); // userspace may have decided meanwhile
	if (known && known->generation == event->generation)
		return known->is_unwanted == 0;
	if (instruction_decisions.update(place, &fresh))
		count(SIGNAL_INSTRUCTION, COUNTER_TABLE_FULL);
	return fresh.is_unwanted == 0;
}

int on_instruction(struct pt_regs *ctx)
{
	struct hit h;
	struct instruction_event event = {};
	u64 block[BLOCK_BYTES / 8] = {};
	if (!begin_hit(&h, ctx, false) || !read_code(&event, block, ctx, &h))
		return 0;
	struct place place = {.image = h.p->image, .id = event.code};
	struct function_decision *known = instruction_decisions.lookup(&place);
	bool is_known = known && known->generation == event.generation;
	if (is_known && known->is_unwanted)
		return 0;
	if (!read_words(&event, block, ctx, &h) || !is_executed(&event, &h))
		return 0;
	if (!is_known && !describe_code(&place, &event, &h, BLOCK_FIELD(block, u64, h.l->frame_previous)))
		return 0;
	count(SIGNAL_INSTRUCTION, COUNTER_SEEN);
	if (!send_instruction(&event, &h, get_attach_cookie(ctx)))
		count(SIGNAL_INSTRUCTION, COUNTER_LOST);
	return 0;
}

// The same on a program of ours, whose instructions are known.
int on_instruction_calibration(struct pt_regs *ctx)
{
	struct hit h;
	struct instruction_event event = {};
	u64 block[BLOCK_BYTES / 8] = {};
	if (!begin_hit(&h, ctx, true) || !read_code(&event, block, ctx, &h) || !read_words(&event, block, ctx, &h))
		return 0;
	if (is_executed(&event, &h) && (!h.l->instruction_mask || is_told(h.l, event.code)))
		send_instruction(&event, &h, get_attach_cookie(ctx));
	return 0;
}
