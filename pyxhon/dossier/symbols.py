"""Which imported symbol means which of the five categories.

A table of Python and not a part of policies/categories.yaml, because nothing is judged by it: an import is no act, only
the ability to. It is needed while recording, in a stage that knows no policies, and by `pyxhon inspect`, which should
not have to read YAML. A name has the category that the same act has as an audit event there: mapping memory is `os`,
for `mmap.__new__` is; installing an audit hook is, too; loading code from a string is `builtins`.

What nearly every DLL imports and what says nothing (read, write, close, stat, malloc) is left out, and so are threads,
which are no sensitive act. Sources: the exports of glibc 2.36 and of libpython 3.8-3.13.
"""

from collections.abc import Mapping

_NAMES = {
    "file": """
        open open64 openat openat64 __open_2 __open64_2 __openat_2 __openat64_2 creat creat64 __open __open64
        __open_nocancel __open64_nocancel _IO_fopen _IO_fdopen _IO_file_fopen _IO_file_open fopen fopen64 freopen
        freopen64 fdopen opendir fdopendir readdir readdir64 readdir_r scandir scandir64 scandirat ftw ftw64 nftw nftw64
        fts_open fts64_open glob glob64 tmpfile tmpfile64 mkstemp mkstemp64 mkostemp mkostemp64 mkstemps mkostemps
        mkdtemp mktemp tempnam tmpnam unlink unlinkat remove rename renameat renameat2 link linkat symlink symlinkat
        readlink readlinkat __readlink_chk __readlinkat_chk realpath __realpath_chk canonicalize_file_name mkdir mkdirat
        rmdir mknod mknodat __xmknod __xmknodat mkfifo mkfifoat chmod fchmod fchmodat lchmod chown fchown lchown
        fchownat truncate truncate64 ftruncate ftruncate64 fallocate fallocate64 posix_fallocate posix_fallocate64 utime
        utimes utimensat futimens futimes lutimes futimesat getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr
        listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr name_to_handle_at open_by_handle_at lockf
        lockf64 copy_file_range sendfile sendfile64 inotify_init inotify_init1 inotify_add_watch fanotify_init
        fanotify_mark sqlite3_open sqlite3_open_v2 sqlite3_open16 _Py_fopen _Py_fopen_obj _Py_wfopen _Py_open
        _Py_open_noraise PyFile_FromFd
    """,
    "network": """
        socket socketpair connect bind listen accept accept4 send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg
        __socket __connect __send __sendmmsg __recv bindresvport rexec_af __recv_chk __recvfrom_chk shutdown setsockopt
        getaddrinfo getaddrinfo_a getnameinfo gethostbyname gethostbyname2 gethostbyname_r gethostbyname2_r
        gethostbyaddr gethostbyaddr_r gethostname __gethostname_chk sethostname getservbyname getservbyname_r
        getservbyport getservbyport_r getifaddrs if_nametoindex if_indextoname res_init res_ninit res_query res_nquery
        res_search res_nsearch res_send res_nsend __res_init __res_ninit __res_query __res_nquery __res_search
        __res_nsearch __res_send __res_nsend rcmd rexec ruserok curl_easy_perform curl_multi_perform SSL_connect
        SSL_accept SSL_read SSL_write BIO_new_connect BIO_do_connect
    """,
    "dll": """
        dlopen dlmopen dlsym dlvsym dladdr dladdr1 dlinfo dlclose dl_iterate_phdr _dl_find_object __libc_dlopen_mode
        __libc_dlsym ffi_call ffi_prep_cif ffi_prep_closure_loc ffi_closure_alloc sqlite3_load_extension
        sqlite3_enable_load_extension _PyImport_LoadDynamicModuleWithSpec _PyImport_FindSharedFuncptr
    """,
    "os": """
        execve execv execvp execvpe execl execlp execle execveat fexecve system popen pclose posix_spawn posix_spawnp
        _IO_popen _IO_proc_open __libc_fork wordexp fork _Fork vfork __fork __vfork clone __clone __clone2 daemon
        forkpty openpty login_tty kill killpg tgkill raise sigqueue pthread_kill pidfd_open pidfd_send_signal
        pidfd_getfd ptrace process_vm_readv process_vm_writev process_madvise prctl arch_prctl personality syscall
        seccomp_init seccomp_load mmap mmap64 mprotect pkey_mprotect pkey_alloc mremap remap_file_pages memfd_create
        shm_open shm_unlink shmget shmat mq_open mq_unlink __mmap __mprotect signal bsd_signal sysv_signal __sysv_signal
        sigaction __sigaction sigaltstack signalfd atexit at_quick_exit on_exit pthread_atfork __register_atfork getenv
        secure_getenv __secure_getenv __libc_secure_getenv setenv unsetenv putenv clearenv environ __environ _environ
        setuid seteuid setreuid setresuid setgid setegid setregid setresgid setgroups initgroups setfsuid setfsgid
        capset capget cap_set_proc chroot pivot_root unshare setns mount umount umount2 fsopen fsconfig fsmount fspick
        mount_setattr move_mount open_tree posix_openpt swapon swapoff reboot acct chdir fchdir getpwnam getpwnam_r
        getpwuid getpwuid_r getpwent getgrnam getgrnam_r getgrgid getgrgid_r getspnam getspnam_r getlogin getlogin_r
        crypt crypt_r uname sysinfo setrlimit setrlimit64 prlimit prlimit64 setpriority sched_setaffinity
        sched_setscheduler ioctl fcntl fcntl64 __fcntl flock ioperm iopl init_module delete_module keyctl add_key
        request_key io_uring_queue_init io_uring_queue_init_params openlog syslog vsyslog __syslog_chk
        PySys_AddAuditHook PyEval_SetTrace PyEval_SetTraceAllThreads PyEval_SetProfile PyEval_SetProfileAllThreads
        _PyEval_SetTrace _PyEval_SetProfile PyOS_setsig PyOS_getsig PySys_SetArgv PySys_SetArgvEx PyOS_BeforeFork
        PyOS_AfterFork_Child Py_Main Py_BytesMain Py_RunMain Py_Initialize Py_InitializeEx Py_InitializeFromConfig
        Py_NewInterpreter Py_NewInterpreterFromConfig
    """,
    "builtins": """
        PyRun_String PyRun_StringFlags PyRun_SimpleString PyRun_SimpleStringFlags PyRun_File PyRun_FileEx
        PyRun_FileFlags PyRun_FileExFlags PyRun_SimpleFile PyRun_SimpleFileEx PyRun_SimpleFileExFlags PyRun_AnyFile
        PyRun_AnyFileEx PyRun_AnyFileFlags PyRun_AnyFileExFlags PyRun_InteractiveLoop PyRun_InteractiveLoopFlags
        PyRun_InteractiveOne PyRun_InteractiveOneFlags Py_CompileString Py_CompileStringFlags Py_CompileStringExFlags
        Py_CompileStringObject PyEval_EvalCode PyEval_EvalCodeEx PyEval_EvalFrame PyEval_EvalFrameEx PyCode_New
        PyCode_NewWithPosOnlyArgs PyUnstable_Code_New PyUnstable_Code_NewWithPosOnlyArgs PyFunction_New
        PyFunction_NewWithQualName PyFunction_SetClosure PyMarshal_ReadObjectFromString PyMarshal_ReadObjectFromFile
        PyMarshal_ReadLastObjectFromFile PyImport_Import PyImport_ImportModule PyImport_ImportModuleNoBlock
        PyImport_ImportModuleLevel PyImport_ImportModuleLevelObject PyImport_ImportModuleAttr
        PyImport_ImportModuleAttrString PyImport_ExecCodeModule PyImport_ExecCodeModuleEx PyImport_ExecCodeModuleObject
        PyImport_ExecCodeModuleWithPathnames PyImport_AppendInittab PyImport_ExtendInittab PyImport_ReloadModule
        PyImport_ImportFrozenModule PyImport_ImportFrozenModuleObject PyImport_GetImporter PyEval_GetGlobals
        PyEval_GetLocals PyEval_GetBuiltins PyEval_GetFrameGlobals PyEval_GetFrameLocals PyEval_GetFrameBuiltins
        PyThreadState_SetAsyncExc PyInterpreterState_SetEvalFrameFunc _PyInterpreterState_SetEvalFrameFunc
        _PyEval_EvalFrameDefault PyFile_SetOpenCodeHook PyFile_OpenCode PyFile_OpenCodeObject PyUnstable_GC_VisitObjects
    """,
}

CATEGORY_OF_SYMBOL: Mapping[str, str] = {name: category for category, names in _NAMES.items() for name in names.split()}
"""The category of each symbol that has one."""
