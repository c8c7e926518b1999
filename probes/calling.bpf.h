// How functions are called, in Python and in C.

// The arguments of a C function that Python calls by name.
struct method_call {
	u64 items; // the first positional argument
	u64 given; // how many there are
	u64 names; // of the first keyword
	u64 values;
	u64 name_step; // from one to the next
	u64 value_step;
	u64 keywords; // how many there are
};

// What a Python function is called with.
struct parameters {
	u64 names; // tuple
	u64 kinds; // bytes, what each local is; 0: up to 3.10
	u64 cells; // up to 3.10: which parameter each cell holds
	u32 flags, positional, keyword_only, count;
	u32 first_cell, cell_count;
};
