// What the programs of one thread work on.

struct place {
	u64 image;
	u64 id; // a stack's hash or a code object's address
};

struct registers {
	u64 di, si, dx, cx, r8, r9, sp;
	u64 result; // of the function just called, at a site that has one
};

// What is being described: a code object and how much of its line table is out. In map memory, so that the verifier
// does not tell the rounds of a loop apart by it.
struct description {
	u64 code;
	u64 line_table;
	u64 left;
	u32 offset;
	u32 fingerprint;
	u32 next; // index of the frame to look at next
	u32 end; // of the data written so far
	u32 part; // bytes of the line table read last
	u32 has_failed;
};

// What is to be copied for an object that was looked at.
enum copy { COPY_NOTHING, COPY_TEXT, COPY_BYTES, COPY_STRING, COPY_WIDE_STRING, COPY_ITEMS };

struct found {
	u64 from; // the str, bytes, C string or first item to copy
	u64 length;
	u64 copy;
	u64 head[3]; // ob_type, ob_size, and the first digit of an int
	u64 flags; // of the type
};

// The str read last.
struct text {
	struct {
		u64 length; // in code points
		u64 hash;
		u64 state; // 32 bits of it
	} header;
	u64 data; // where its code units are
	u32 kind; // bytes per code point
	u32 bytes; // copied
	u32 length;
	u32 is_cut;
};

// Where the walk over the frames is.
struct walk {
	u64 frame;
	u64 hash;
	u64 cframe;
	u64 start; // where the window was read
	u64 last; // offset in it of the last frame that is whole
};

// A va_list of the System V ABI, x86-64, 3.5.7.
struct argument_list {
	u32 gp_offset, fp_offset;
	u64 overflow_area, save_area;
};

// The act being taken.
struct act {
	u64 image;
	u64 account; // what it is counted under
	u64 base;
	u64 name; // its text's hash, or a constant
	u64 stack;
	u64 state; // the PyThreadState
	u64 hash; // of the arguments
	u32 signal;
	u32 site;
	u32 kind; // of the site
	u32 stack_adjust;
	u32 flags; // of the site
	u32 reserved;
	u32 layout; // of the process
	u32 reserved2;
	u64 native; // what tells the native stack
};

// An argument of a system call that lay in a page that was not present: it is read again at the end of the call.
struct unread {
	u64 address;
	u32 slot; // its place among the act's arguments
	u32 kind;
	u64 length;
};

// The system call that the thread is in.
struct system_call {
	u64 image; // that made it
	u64 arguments[8];
	struct act_key key;
	struct unread unread[2];
	u64 made; // the io_uring it makes
	u64 folder; // the descriptor that the next path starts from
	u64 folders[2]; // that relative paths start from
	u64 mounts[2]; // of them
	u64 dentry; // where the walk to the root of the file system is
	u64 mount;
	u64 root; // of what the process sees
	struct pt_regs registers; // the user's
	u32 rule_flags;
	u32 flags; // of the act: by which table
	u32 is_open; // it was told of and has not ended
	u32 is_sent; // its first occurrence was sent
	u32 unread_count;
	u32 path_count;
	u32 told; // arguments that were looked at for what is told late
	u32 names_start; // of the folder being told
	u32 names_left; // that it may have yet; 0: none is being told
	u64 words[8]; // a struct of the target, or the address of a peer being made
	u8 address[32];
};

#define MAX_PENDING_IMPORTS 64 // a power of two

// The audit event of an import whose end is awaited.
struct pending_import {
	u64 frame; // where the importer's frame lies
	u64 stack;
	u64 arguments;
	u64 name;
};

#define KEPT_CODES 256 // a power of two
#define FRAME_FAR (2 * FRAME_WINDOW) // where in the window a frame goes that lies elsewhere

// What a thread keeps of a code object that it has met: reading its texts again is most of what a frame costs.
struct kept_code {
	u64 key; // of image and address
	u32 epoch;
	u32 fingerprint;
	u64 is_told; // 1: it was described
};

// What a program of one thread works on; too large for the BPF stack. What is read from the target goes here, too:
// a stack slot that only some paths have written keeps the verifier from seeing that they are one again.
struct scratch {
	struct registers registers;
	struct act current;
	u64 owner; // pid_tgid; another value means that the entry was recycled under us
	u64 pending_object; // the str given to sys.audit(), which the funnel may report again
	struct pending_import pending_imports[MAX_PENDING_IMPORTS]; // under way in this thread, the outermost first
	u64 name_hash; // of the name that lies in the act
	u32 pending_import_count;
	struct kept_code kept_codes[KEPT_CODES];
	u64 frame_addresses[MAX_FRAMES]; // innermost first
	u64 untold; // a bit for each frame whose code object may not have been described
	u32 frame_count;
	u32 sent; // acts
	u32 round; // of the loop at hand
	u32 stack_flags;
	u32 data_bytes;
	u32 argument_count;
	u32 top_count; // arguments that are not items of another
	u32 decoded; // index of the next argument to decode
	u32 expanding; // the container whose items are being queued
	u32 next_item;
	u32 raw_count;
	u64 window[(FRAME_FAR + 256) / 8]; // Python frames
	u64 strings[8]; // of a code object: file name, name, qualified name, line table
	u64 raw[24];
	struct text text;
	struct found found;
	struct place place; // to look up
	u64 generation;
	struct argument_list list;
	struct method_call method;
	struct parameters parameters;
	struct call_count told; // the call of a Python function told last
	u64 near[36]; // the stack from an argument list on
	u32 digits[4];
	struct walk walk;
	struct description description;
	struct capture capture;
	u64 given_code; // a code object among the act's arguments, or just made
	u64 inner_codes[MAX_INNER_CODES]; // of its constants, and of theirs
	struct system_call call;
	struct act_event act;
	struct stack_event stack;
	struct code_event code;
};
