// What is told of an act when it is sent: the names of folders, and the numbers of descriptors.

#define MAX_FOLDERS 40

enum { UNKNOWN_FOLDER = 0xffffffff, MORE_FOLDERS = 0xfffffffe };

// Append an empty name: the names before it do not lead to the root that the process sees.
static inline u32 end_outside(struct scratch *s)
{
	u32 at = *(volatile u32 *)&s->data_bytes;
	BOUND(at, DATA_BYTES - 1);
	s->act.data[at] = 0;
	*(volatile u32 *)&s->data_bytes = at + 1;
	return at + 1 - s->call.names_start;
}

// Append the name of a folder, ended by NUL, and go on to the one around it; at the root give the bytes of all names.
static inline u32 copy_folder_name(struct scratch *s, const struct settings *conf)
{
	struct system_call *call = &s->call;
	u64 dentry = call->dentry, mount = call->mount;
	u32 at = *(volatile u32 *)&s->data_bytes;
	if (!dentry || at > DATA_BYTES - 256)
		return UNKNOWN_FOLDER;
	u64 parent = read_kernel_u64(dentry + conf->dentry_parent);
	u64 top = read_kernel_u64(mount + conf->mount_inner + conf->inner_root);
	if (dentry == call->root)
		return at - call->names_start;
	if (dentry == top) { // of a mounted file system
		u64 outer = read_kernel_u64(mount + conf->mount_parent);
		if (outer == mount)
			return end_outside(s);
		call->dentry = read_kernel_u64(mount + conf->mount_point);
		call->mount = outer;
		return MORE_FOLDERS;
	}
	BOUND(at, DATA_BYTES - 1);
	long size =
		bpf_probe_read_kernel_str(&s->act.data[at], 256, (void *)read_kernel_u64(dentry + conf->dentry_name));
	if (size < 1)
		return UNKNOWN_FOLDER;
	*(volatile u32 *)&s->data_bytes = at + (u32)size;
	if (dentry == parent) // a file without a folder: a memfd
		return end_outside(s);
	call->dentry = parent;
	return MORE_FOLDERS;
}

static inline void begin_names(struct scratch *s, const struct settings *conf, u32 number)
{
	struct system_call *call = &s->call;
	u64 fs = read_kernel_u64(bpf_get_current_task() + conf->task_fs);
	call->root = read_kernel_u64(fs + conf->fs_root + conf->path_dentry);
	call->dentry = call->folders[number & 1];
	call->mount = call->mounts[number & 1];
	call->names_start = *(volatile u32 *)&s->data_bytes;
	call->names_left = MAX_FOLDERS;
}

// Append one more name of the folder being told.
static inline void tell_name(struct scratch *s, const struct settings *conf)
{
	struct system_call *call = &s->call;
	u32 left = call->names_left - 1, size = copy_folder_name(s, conf);
	FORGET();
	call->names_left = left;
	if (size == MORE_FOLDERS && left)
		return;
	call->names_left = 0;
	struct argument *a = argument_at(s, call->told - 1);
	a->value = size;
	a->offset = call->names_start;
	if (size < MORE_FOLDERS)
		return;
	a->kind = ARGUMENT_KIND_NULL;
	a->value = UNKNOWN_FOLDER;
	*(volatile u32 *)&s->data_bytes = call->names_start;
	s->act.head[0].flags |= EVENT_FLAG_TRUNCATED;
}

#define MAX_LATE 10

// Tell what does not make the act distinct, after it was counted: the folders of relative paths by name, for the place
// alone is what counts, and the numbers of descriptors. One flat loop, an argument or a name in each round, for the
// folders of two paths at the most: the verifier follows every round.
static inline void tell_late(struct scratch *s, const struct settings *conf)
{
	s->call.told = 0;
	s->call.names_left = 0;
	for (u32 i = 0; i < MAX_LATE + 2 * MAX_FOLDERS; i++) {
		ROUND(s, i);
		FORGET();
		if (s->call.names_left) {
			tell_name(s, conf);
			continue;
		}
		u32 n = s->call.told;
		OPAQUE(n);
		if (n >= MAX_LATE || n >= *(volatile u32 *)&s->argument_count)
			break;
		s->call.told = n + 1;
		struct argument *a = argument_at(s, n);
		if (a->kind == ARGUMENT_KIND_LATE)
			a->value = (u32)s->call.arguments[a->length & 7];
		else if (a->kind == ARGUMENT_KIND_FOLDER)
			begin_names(s, conf, a->length);
	}
}
