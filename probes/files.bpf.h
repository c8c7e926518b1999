// What the kernel knows of descriptors, sockets and folders of the calling thread.

static inline u64 file_of(const struct settings *conf, u64 descriptor)
{
	u64 files = read_kernel_u64(bpf_get_current_task() + conf->task_files);
	u64 table = read_kernel_u64(files + conf->files_table);
	if ((u32)descriptor >= read_kernel_u32(table + conf->table_size))
		return 0;
	return read_kernel_u64(read_kernel_u64(table + conf->table_files) + (u64)(u32)descriptor * 8);
}

static inline bool is_socket(const struct settings *conf, u64 file)
{
	u64 inode = read_kernel_u64(file + conf->file_inode);
	return (read_kernel_u32(inode + conf->inode_mode) & 0170000) == 0140000; // S_IFSOCK
}

// Ports that connections were accepted at: their other ends are clients, of which any number may come.
BPF_TABLE("lru_hash", u32, u8, accepting_ports, 4096);

static inline u64 sock_of(const struct settings *conf, u64 file)
{
	return read_kernel_u64(read_kernel_u64(file + conf->file_private) + conf->socket_sock);
}

static inline void note_accepting(const struct settings *conf, u64 descriptor)
{
	u64 file = file_of(conf, descriptor);
	if (!file || !is_socket(conf, file))
		return;
	u64 sock = sock_of(conf, file);
	// struct sock_common: skc_state follows skc_family; a call that fails must not hide the peer of a connected one
	bool is_listening = (read_kernel_u32(sock + conf->sock_family) >> 16 & 0xff) == 10; // TCP_LISTEN
	u32 port = read_kernel_u32(sock + conf->sock_own_port) & 0xffff;
	u8 yes = 1;
	if (port && is_listening)
		accepting_ports.update(&port, &yes);
}

// What a descriptor stands for, as far as it makes an act distinct: a file, but not which of many sockets. An inode's
// address alone does not tell: that of a removed file is given to the next one.
static inline u64 identity_of(const struct settings *conf, u64 descriptor)
{
	u64 file = file_of(conf, descriptor);
	if (!file || is_socket(conf, file))
		return 0;
	u64 inode = read_kernel_u64(file + conf->file_inode);
	return mix(inode, read_kernel_u64(inode + conf->inode_number));
}

// Make a struct sockaddr of the peer that a socket is connected to; gives its size, 0: none, a client, or of another
// family.
static inline u32 take_peer(struct scratch *s, const struct settings *conf, u64 descriptor)
{
	u64 file = file_of(conf, descriptor);
	if (!file || !is_socket(conf, file))
		return 0;
	u64 sock = sock_of(conf, file);
	u32 own_port = read_kernel_u32(sock + conf->sock_own_port) & 0xffff;
	if (accepting_ports.lookup(&own_port))
		return 0;
	u16 family = read_kernel_u32(sock + conf->sock_family), port = read_kernel_u32(sock + conf->sock_port);
	u8 *address = s->call.address;
	*(u64 *)address = family | (u64)port << 16;
	*(u64 *)(address + 8) = 0;
	*(u64 *)(address + 16) = 0;
	*(u64 *)(address + 24) = 0;
	if (family == 2 && port) { // AF_INET
		bpf_probe_read_kernel(address + 4, 4, (void *)(sock + conf->sock_address));
		return 16;
	}
	if (family == 10 && port) { // AF_INET6
		bpf_probe_read_kernel(address + 8, 16, (void *)(sock + conf->sock_address6));
		return 28;
	}
	return family == 1 ? 2 : 0; // AF_UNIX
}

// Begin at the folder that a relative path starts from (AT_FDCWD: the working directory).
static inline void begin_folder(struct scratch *s, const struct settings *conf, u64 descriptor)
{
	u64 path;
	if ((s32)descriptor == -100) { // AT_FDCWD
		path = read_kernel_u64(bpf_get_current_task() + conf->task_fs) + conf->fs_directory;
	} else {
		path = file_of(conf, descriptor);
		if (path)
			path += conf->file_path;
	}
	s->call.dentry = path ? read_kernel_u64(path + conf->path_dentry) : 0;
	s->call.mount = path ? read_kernel_u64(path + conf->path_mount) - conf->mount_inner : 0;
}

#define MAX_FOLDER_NAMES 8

// Keep the folder begun at; gives what tells it from others, 0: there is none. Its address alone does not: that of a
// removed folder is given to the next one. The word before a name is its hash and length (struct qstr).
static inline u64 keep_folder(struct scratch *s, const struct settings *conf, u32 number)
{
	u64 dentry = s->call.dentry, identity = s->call.mount;
	s->call.folders[number & 1] = dentry;
	s->call.mounts[number & 1] = s->call.mount;
	if (!dentry)
		return 0;
	for (u32 i = 0; i < MAX_FOLDER_NAMES; i++) {
		OPAQUE(i);
		identity = mix(mix(identity, dentry), read_kernel_u64(dentry + conf->dentry_name - 8));
		u64 parent = read_kernel_u64(dentry + conf->dentry_parent);
		if (parent == dentry)
			break;
		dentry = parent;
	}
	return identity | 1;
}
