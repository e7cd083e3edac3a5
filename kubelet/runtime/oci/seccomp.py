"""The default seccomp profile: which system calls a container may make. Pure data.

An allow list, everything else answers EPERM: no module loading, no clock setting, no new
namespaces, no kernel keyrings, no perf, no BPF, unless a capability that the container was given
says so. clone3 answers ENOSYS (its flags lie in memory, where a filter cannot look), so that the
C library falls back to clone, whose flags are checked. Names that a kernel lacks do no harm.
"""

from collections.abc import Iterable
from typing import Any

JsonObject = dict[str, Any]

_EPERM = 1
_ENOSYS = 38
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET in one mask.
_CLONE_NAMESPACES = 0x7E020000
_AF_VSOCK = 40
# PER_LINUX, PER_LINUX32, UNAME26 on both, and "tell me".
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

_FILES = """
access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat
faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32
fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64
fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown
lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek lremovexattr lseek
lsetxattr lstat lstat64 memfd_create memfd_secret mkdir mkdirat mknod mknodat name_to_handle_at
newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile
sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync
sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
utimensat_time64 utimes vmsplice write writev fanotify_mark cachestat listmount statmount
"""

_MEMORY = """
brk madvise map_shadow_stack mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync
munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease
remap_file_pages membarrier
"""

_PROCESSES = """
arch_prctl capget capset execve execveat exit exit_group fork getegid getegid32 geteuid geteuid32
getgid getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid getpriority
getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid gettid
getuid getuid32 get_thread_area ioprio_get ioprio_set kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self modify_ldt pause pidfd_open pidfd_send_signal prctl
prlimit64 restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
sched_setattr sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32 setfsuid
setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32
setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid
set_thread_area set_tid_address setuid setuid32 sigaltstack signalfd signalfd4 sigprocmask
sigreturn tgkill tkill ugetrlimit uretprobe vfork wait4 waitid waitpid getcpu uname sysinfo times
getrandom process_vm_readv process_vm_writev ptrace kcmp pidfd_getfd
"""

_COMMUNICATION = """
accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait
epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 futex futex_requeue futex_time64
futex_wait futex_waitv futex_wake getpeername getsockname getsockopt ipc listen mq_getsetattr
mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
mq_unlink msgctl msgget msgrcv msgsnd _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6
pselect6_time64 recv recvfrom recvmmsg recvmmsg_time64 recvmsg select semctl semget semop
semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget
shutdown socketcall socketpair
"""

_TIME_AND_AIO = """
adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday io_cancel io_destroy
io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit nanosleep time timer_create
timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""

ALLOWED = tuple(
    sorted(
        {
            name
            for block in (_FILES, _MEMORY, _PROCESSES, _COMMUNICATION, _TIME_AND_AIO)
            for name in block.split()
        }
    )
)

# What a capability opens besides.
BY_CAPABILITY = {
    "BPF": ("bpf",),
    "DAC_READ_SEARCH": ("open_by_handle_at",),
    "PERFMON": ("perf_event_open",),
    "SYS_ADMIN": [
        "bpf",
        "clone",
        "clone3",
        "fanotify_init",
        "fsconfig",
        "fsmount",
        "fsopen",
        "fspick",
        "lookup_dcookie",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "perf_event_open",
        "quotactl",
        "quotactl_fd",
        "setdomainname",
        "sethostname",
        "setns",
        "syslog",
        "umount",
        "umount2",
        "unshare",
    ],
    "SYS_BOOT": ("reboot",),
    "SYS_CHROOT": ("chroot",),
    "SYS_MODULE": ("delete_module", "init_module", "finit_module"),
    "SYS_NICE": ("get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"),
    "SYS_PACCT": ("acct",),
    "SYS_RAWIO": ("iopl", "ioperm"),
    "SYS_TIME": ("settimeofday", "stime", "clock_settime", "clock_settime64"),
    "SYS_TTY_CONFIG": ("vhangup",),
    "SYSLOG": ("syslog",),
}

# The machine's own calls and those of its 32-bit programs.
ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}


def default_profile(machine: str, capabilities: Iterable[str]) -> JsonObject:
    """The `linux.seccomp` of config.json for a container with these capabilities."""
    held = frozenset(capabilities)
    allowed = set(ALLOWED)
    for capability, names in BY_CAPABILITY.items():
        if capability in held:
            allowed.update(names)
    rules: list[JsonObject] = [
        {"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"},
        *(_rule("personality", 0, value, "SCMP_CMP_EQ") for value in _PERSONALITIES),
        _rule("socket", 0, _AF_VSOCK, "SCMP_CMP_NE"),
    ]
    if "clone" not in allowed:
        rules.append(_rule("clone", 0, _CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0))
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": list(ARCHITECTURES.get(machine, ())),
        "syscalls": rules,
    }


def _rule(
    name: str, index: int, value: int, operator: str, second: int | None = None
) -> JsonObject:
    argument: JsonObject = {"index": index, "value": value, "op": operator}
    if second is not None:
        argument["valueTwo"] = second
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument]}
