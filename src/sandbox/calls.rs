//! Which system calls are refused: seccomp, `Documentation/userspace-api/seccomp_filter.rst` of the kernel.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::Needs;

/// What a program that watches and delivers never does, in groups.
const REFUSED: &[i64] = &[
    // Other processes' memory and files.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The kernel's own code and its insides.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_syslog,
    // Keys.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine: its clock, its name, its end, its swap, its accounting.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_vhangup,
    libc::SYS_personality,
    // Other users.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
];

/// Refused unless other network namespaces are entered.
const NAMESPACES: &[i64] = &[libc::SYS_setns, libc::SYS_unshare];

/// The sockets that there may be (`AF_*`): the kernel's messages, the network, and names and logs on this machine.
const SOCKETS: [i32; 4] = [libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6, libc::AF_UNIX];

/// `CLONE_NEW*` of clone(2): a process in namespaces of its own.
const NEW_NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWCGROUP,
];

/// From here on every thread is refused what is not needed, with EPERM. The error is why not.
pub fn restrict(needs: &Needs) -> Result<(), String> {
    let architecture = std::env::consts::ARCH.try_into();
    let architecture = architecture.map_err(|_| format!("not known on {}", std::env::consts::ARCH))?;
    let apply = || -> Result<(), Box<dyn std::error::Error>> {
        apply(refused(needs)?, libc::EPERM, architecture)?;
        // What it would do stands in memory, where a filter cannot look: the C library takes clone(2) then.
        apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS, architecture)
    };
    apply().map_err(|error| error.to_string())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refused(needs: &Needs) -> Result<Rules, seccompiler::BackendError> {
    let mut numbers = REFUSED.to_vec();
    if !needs.enters_namespaces {
        numbers.extend(NAMESPACES);
    }
    let mut rules: Rules = numbers.into_iter().map(|number| (number, Vec::new())).collect();
    let is_other = SOCKETS.map(|family| condition(SeccompCmpOp::Ne, family));
    let is_other = is_other.into_iter().collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(is_other)?]);
    let has = |flag: i32| SeccompRule::new(vec![condition(SeccompCmpOp::MaskedEq(flag as u32 as u64), flag)?]);
    rules.insert(libc::SYS_clone, NEW_NAMESPACES.into_iter().map(has).collect::<Result<_, _>>()?);
    // The same calls by their other numbers (x32, __X32_SYSCALL_BIT).
    if cfg!(target_arch = "x86_64") {
        let others: Rules = rules.iter().map(|(number, rules)| (number | 0x4000_0000, rules.clone())).collect();
        rules.extend(others);
    }
    Ok(rules)
}

/// On a call's first argument.
fn condition(by: SeccompCmpOp, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, by, value as u32 as u64)
}

fn apply(rules: Rules, errno: i32, architecture: TargetArch) -> Result<(), Box<dyn std::error::Error>> {
    let refused = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture)?;
    Ok(seccompiler::apply_filter_all_threads(&BpfProgram::try_from(filter)?)?)
}
