// The code object whose memory is being copied.
struct capture {
	u64 code; // 0: none
	u64 object; // the part at hand
	u64 from; // what of it is copied next
	u64 left;
	u64 count; // of its items
	u64 items; // where the pointers to objects are that are copied next
	u64 items_left;
	u64 inner_items; // the same of a tuple among them
	u64 inner_left;
	u64 pointer;
	u64 pointers[16]; // read last, from pointers_start on
	u64 pointers_start;
	u64 pointers_bytes;
	u64 stack; // of the act that was given the code object; 0: none
	u64 name;
	u32 stage; // the next part
	u32 at; // bytes of blocks so far
	u32 fingerprint;
	u32 takes_codes; // code objects among the constants are copied, too
	u32 codes_next; // which of s->inner_codes comes next
	u32 codes_end;
};
