// Who called: the frames above that of a function.

#define BLOCK_BYTES 128
#define LONGEST_BEGINNING 16 // bytes of a code object before what is traceable, where no call can be
#define BLOCK_FIELD(block, type, at) (*(type *)((u8 *)(block) + ((at) & (BLOCK_BYTES - sizeof(type)))))

static inline long read_frame(const struct kernel_layout *l, void *block, u64 frame)
{
	u64 size = l->frame_block_size;
	BOUND(size, BLOCK_BYTES - 1);
	return bpf_probe_read_user(block, size, (void *)(frame + l->frame_block_start));
}

// Whether Python shows this frame (Include/internal/pycore_frame.h, _PyFrame_IsIncomplete). It hides those that C code
// makes for itself and, from 3.12 on, one beneath __init__ where the call of the class was specialised: it stays at
// the beginning of a code object of its own (Python/specialize.c, _Py_InitCleanup).
static inline bool is_shown(const struct kernel_layout *l, void *block)
{
	u32 first_traceable = 0;
	if (BLOCK_FIELD(block, u8, l->frame_owner) >= l->owner_skip_from)
		return false;
	u64 code = BLOCK_FIELD(block, u64, l->frame_code) & ~3ULL;
	u64 at = BLOCK_FIELD(block, u64, l->frame_instruction) - code - l->code_bytecode;
	if (!l->instruction_mask || at >= LONGEST_BEGINNING)
		return true;
	bpf_probe_read_user(&first_traceable, 4, (void *)(code + l->code_first_traceable));
	return at >= first_traceable * 2ULL;
}

// The code object of the innermost Python frame from here outwards; 0: there is none. Never do two hidden frames follow
// each other. `block` is where to read frames to.
static inline u64 code_of_caller_by(const struct kernel_layout *l, u64 frame, u64 *block)
{
	if (!frame || read_frame(l, block, frame))
		return 0;
	if (!is_shown(l, block)) {
		frame = BLOCK_FIELD(block, u64, l->frame_previous);
		if (!frame || read_frame(l, block, frame))
			return 0;
	}
	return BLOCK_FIELD(block, u64, l->frame_code) & ~3ULL;
}

static inline u64 code_of_caller(const struct kernel_layout *l, u64 frame)
{
	u64 block[BLOCK_BYTES / 8] = {};
	return code_of_caller_by(l, frame, block);
}
